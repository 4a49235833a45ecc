import { alertingContract } from "@agentmesh/proto/alerting.contract";
import { authContract } from "@agentmesh/proto/auth.contract";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { complianceContract } from "@agentmesh/proto/compliance.contract";
import { costContract } from "@agentmesh/proto/cost.contract";
import { gatewayContract } from "@agentmesh/proto/gateway.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { Contract, MethodContract } from "@agentmesh/rpc";

/** A method the edge serves, with the codecs of its messages. */
export type RoutedMethod = MethodContract<unknown, unknown>;

const contracts: readonly Contract[] = [
  runnerContract,
  orchestratorContract,
  authContract,
  cacheContract,
  complianceContract,
  costContract,
  alertingContract,
  gatewayContract,
];

/** Every PUBLIC and USER method of every contract. INTERNAL ones do not exist at the edge. */
export const routedMethods: readonly RoutedMethod[] = contracts
  .flatMap((contract) => Object.values(contract.methods))
  .filter((method) => method.access !== "INTERNAL");

/** The method of a path, for surfaces that speak other words. @throws Error for one that is not at the edge */
export function routed(path: string): RoutedMethod {
  const method = routedMethods.find((candidate) => candidate.path === path);
  if (!method) throw new Error(`${path} is not routed at the edge`);
  return method;
}

/** `agentmesh.auth.v1.AuthService` of `/agentmesh.auth.v1.AuthService/SignIn`. */
export function rpcServiceOf(method: { readonly path: string }): string {
  return method.path.split("/")[1] ?? "";
}
