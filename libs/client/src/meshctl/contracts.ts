import type { CatalogMethod } from "@agentmesh/proto/catalog";
import type { Contract } from "@agentmesh/rpc";

const LOADERS: Readonly<Record<string, () => Promise<Contract>>> = {
  alerting: async () => (await import("@agentmesh/proto/alerting.contract")).alertingContract,
  auth: async () => (await import("@agentmesh/proto/auth.contract")).authContract,
  cache: async () => (await import("@agentmesh/proto/cache.contract")).cacheContract,
  compliance: async () => (await import("@agentmesh/proto/compliance.contract")).complianceContract,
  cost: async () => (await import("@agentmesh/proto/cost.contract")).costContract,
  gateway: async () => (await import("@agentmesh/proto/gateway.contract")).gatewayContract,
  orchestrator: async () => (await import("@agentmesh/proto/orchestrator.contract")).orchestratorContract,
  runner: async () => (await import("@agentmesh/proto/runner.contract")).runnerContract,
};

/** A method of the catalog with the codecs of its messages. */
export async function loadMethod({ module, path }: CatalogMethod): Promise<Contract["methods"][string]> {
  const contract = await LOADERS[module]?.();
  const method = Object.values(contract?.methods ?? {}).find((candidate) => candidate.path === path);
  if (!method) throw new Error(`${path} is in the catalog but in no contract; run npm run gen`);
  return method;
}
