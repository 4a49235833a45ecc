import { alertingContract } from "@agentmesh/proto/alerting.contract";
import { authContract } from "@agentmesh/proto/auth.contract";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { complianceContract } from "@agentmesh/proto/compliance.contract";
import { costContract } from "@agentmesh/proto/cost.contract";
import { gatewayContract } from "@agentmesh/proto/gateway.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { Contract } from "@agentmesh/rpc";

const contracts = {
  alerting: alertingContract,
  auth: authContract,
  cache: cacheContract,
  compliance: complianceContract,
  cost: costContract,
  gateway: gatewayContract,
  orchestrator: orchestratorContract,
  runner: runnerContract,
};

export type Module = keyof typeof contracts;

export const modules: readonly Module[] = [
  "alerting",
  "auth",
  "cache",
  "compliance",
  "cost",
  "gateway",
  "orchestrator",
  "runner",
];

export function contractOf(module: Module): Contract {
  return contracts[module];
}
