import { hostOf, httpPort, ingressNamespace, ingressSelector, tokenAudiences, tokenIssuer } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";
import { edgeService } from "./who-calls-whom.ts";

/** Where auth's public keys are served; the path is that of the GetJwks RPC. */
export function jwksUri(): string {
  return `http://${hostOf(edgeService)}:${httpPort}/.well-known/jwks.json`;
}

/**
 * Refuses a forged or expired access token at the edge. A request without one passes: `requireSignIn` decides. The
 * token travels on, because the gateway exchanges it for an internal one.
 */
export function requestAuthentication(): KubeObject {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name: "agentmesh-edge", namespace: ingressNamespace },
    spec: {
      selector: { matchLabels: ingressSelector },
      jwtRules: [{ issuer: tokenIssuer, audiences: tokenAudiences, jwksUri: jwksUri(), forwardOriginalToken: true }],
    },
  };
}
