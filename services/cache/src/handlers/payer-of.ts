import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Payer } from "../domain/payer.ts";

export function payerOf(call: Call): Payer {
  const { tenant, subject, department = "", project = "" } = requirePrincipal(call);
  return { tenant, subject, department, project, agent: "" };
}
