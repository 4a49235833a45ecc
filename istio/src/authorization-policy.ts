import type { CatalogMethod } from "@agentmesh/proto/catalog";
import { a2aPaths } from "./a2a.ts";
import { grpcPort, httpPort, ingressPrincipal, nameLabel, namespace, principalOf } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";
import { callersOf, edgeService, isPublicSurface } from "./who-calls-whom.ts";

type Rule = {
  readonly from: readonly [{ readonly source: { readonly principals: readonly string[] } }];
  readonly to: readonly [{ readonly operation: Readonly<Record<string, readonly string[]>> }];
};

function allow(principals: readonly string[], operation: Readonly<Record<string, readonly string[]>>): Rule {
  return { from: [{ source: { principals } }], to: [{ operation }] };
}

function allowRpcs(principals: readonly string[], paths: readonly string[]): Rule {
  return allow(principals, { ports: [String(grpcPort)], methods: ["POST"], paths });
}

/** One rule for each set of callers, so that an RPC's path stands in exactly one rule. */
function rulesByCallers(served: readonly CatalogMethod[]): Rule[] {
  const byCallers = Map.groupBy(served, (method) => callersOf(method).map(principalOf).join());
  return [...byCallers]
    .filter(([callers]) => callers !== "")
    .map(([callers, methods]) =>
      allowRpcs(
        callers.split(","),
        methods.map((method) => method.path),
      ),
    );
}

/** The edge takes every public RPC, and A2A's, from the ingress, and any HTTP path: its pipeline refuses what it does not know. */
function edgeRules(methods: readonly CatalogMethod[]): Rule[] {
  const paths = methods.filter(isPublicSurface).map((method) => method.path);
  return [
    allowRpcs([ingressPrincipal], [...paths, ...a2aPaths]),
    allow([ingressPrincipal], { ports: [String(httpPort)] }),
  ];
}

/** Who may call which RPC of a service; the edge may ask each one for its health. */
export function authorizationPolicy(service: string, methods: readonly CatalogMethod[]): KubeObject {
  const served = methods.filter((method) => method.service === service);
  const rules =
    service === edgeService
      ? edgeRules(methods)
      : [...rulesByCallers(served), allowRpcs([principalOf(edgeService)], ["/grpc.health.v1.Health/Check"])];
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: service, namespace },
    spec: { selector: { matchLabels: { [nameLabel]: service } }, action: "ALLOW", rules },
  };
}
