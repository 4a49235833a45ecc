import type { CatalogMethod } from "@agentmesh/proto/catalog";
import { ingressNamespace, ingressSelector, tokenIssuer } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";

/** What other agents read before they sign in; it says no more than where to. */
const agentCard = "/.well-known/agent-card.json";

/** `/v1/x/{id}` in the form a policy takes, where a capture stands for one path segment. */
function policyPath(template: string): string {
  return template.replaceAll(/\{[^}]+\}/g, "{*}");
}

/**
 * What the edge lets in: public RPCs in both forms, requests with a verified access token, and requests with an API
 * key, which only the gateway can check. Everything else ends here.
 */
export function requireSignIn(methods: readonly CatalogMethod[]): KubeObject {
  const open = methods.filter((method) => method.access === "PUBLIC");
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: "agentmesh-require-sign-in", namespace: ingressNamespace },
    spec: {
      selector: { matchLabels: ingressSelector },
      action: "ALLOW",
      rules: [
        {
          to: [
            { operation: { methods: ["POST"], paths: open.map((method) => method.path) } },
            { operation: { methods: ["GET"], paths: [agentCard] } },
            ...open.flatMap(({ http }) =>
              http === undefined ? [] : [{ operation: { methods: [http.verb], paths: [policyPath(http.path)] } }],
            ),
          ],
        },
        { from: [{ source: { requestPrincipals: [`${tokenIssuer}/*`] } }] },
        { when: [{ key: "request.headers[x-api-key]", values: ["*"] }] },
      ],
    },
  };
}
