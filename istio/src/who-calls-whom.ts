// Who may call what, read from the catalog: the one source of authorisation, sidecar scopes and network policies.
import { type CatalogMethod, catalogMethods, catalogServices } from "@agentmesh/proto/catalog";

/** The service at the edge: it forwards every USER and PUBLIC RPC. */
export const edgeService = "gateway";

export const serviceNames: readonly string[] = catalogServices.map((entry) => entry.service).sort();

/** True when callers outside the mesh reach an RPC, through the edge. */
export function isPublicSurface(method: CatalogMethod): boolean {
  return method.access !== "INTERNAL";
}

/** The services that may call an RPC, sorted; never the one that serves it. `*` among its callers means all others. */
export function callersOf(method: CatalogMethod): readonly string[] {
  const named = method.callers.includes("*") ? serviceNames : method.callers;
  const all = new Set(isPublicSurface(method) ? [...named, edgeService] : named);
  all.delete(method.service);
  return [...all].sort();
}

/** The services that may call any RPC of `service`, sorted. */
export function callersOfService(service: string, methods: readonly CatalogMethod[] = catalogMethods): string[] {
  const served = methods.filter((method) => method.service === service);
  return [...new Set(served.flatMap(callersOf))].sort();
}

/** The services `service` may call, sorted. */
export function calleesOf(service: string, methods: readonly CatalogMethod[] = catalogMethods): string[] {
  const called = methods.filter((method) => callersOf(method).includes(service));
  return [...new Set(called.map((method) => method.service))].sort();
}

/**
 * Services that speak to the world outside the cluster: models and tools over HTTP, webhooks. All others can reach
 * the mesh and its data only.
 */
export const servicesWithOutsideCalls: readonly string[] = ["agent-runner", "alerting"];
