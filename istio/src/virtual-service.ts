import type { CatalogMethod } from "@agentmesh/proto/catalog";
import { retryOn } from "./call-class.ts";
import { type Decision, decisions } from "./decision.ts";
import { edgeGatewayName } from "./edge-gateway.ts";
import { hostOf, ingressNamespace, namespace, publicHost } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";
import { edgeTargets, meshTargets, type RouteTarget } from "./route-target.ts";
import { edgeService } from "./who-calls-whom.ts";

export type HttpRoute = {
  readonly name: string;
  readonly match?: readonly Readonly<Record<string, unknown>>[];
  readonly route: readonly Readonly<Record<string, unknown>>[];
  readonly timeout: string;
  readonly retries: { readonly attempts: number; readonly retryOn?: string };
};

function matches(decision: Decision, target: RouteTarget): Readonly<Record<string, unknown>>[] {
  const { headers } = decision;
  const asked = target.paths.map((path) => (headers === undefined ? path : { ...path, headers }));
  const anyPath = target.paths.length === 0 && headers !== undefined ? [{ headers }] : [];
  return [...asked, ...anyPath, ...(decision.byPath ? target.v2Paths : [])];
}

function httpRoute(service: string, decision: Decision, target: RouteTarget): HttpRoute {
  const match = matches(decision, target);
  return {
    name: `${decision.name}.${target.name}`,
    ...(match.length > 0 ? { match } : {}),
    route: decision.shares.map(({ track, percent }) => ({
      destination: { host: hostOf(service), subset: track, port: { number: target.port } },
      weight: percent,
    })),
    timeout: `${target.timeoutMs / 1000}s`,
    retries: target.attempts > 0 ? { attempts: target.attempts, retryOn } : { attempts: 0 },
  };
}

/**
 * Routes of one service: first which version (`decisions`), within it which timeout and retries. The edge's are bound
 * to the ingress and to the public host, the others' to the sidecars.
 */
export function virtualService(service: string, methods: readonly CatalogMethod[], canaryPercent: number): KubeObject {
  const atEdge = service === edgeService;
  const targets = atEdge ? edgeTargets(methods) : meshTargets(service, methods);
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: service, namespace },
    spec: {
      hosts: [atEdge ? publicHost : hostOf(service)],
      gateways: [atEdge ? `${ingressNamespace}/${edgeGatewayName}` : "mesh"],
      http: decisions(canaryPercent).flatMap((decision) =>
        targets.map((target) => httpRoute(service, decision, target)),
      ),
    },
  };
}
