import { AppError } from "@agentmesh/errors";
import type { Queryable } from "@agentmesh/postgres";
import { readDeclaredTool } from "../store/effects.ts";

/**
 * Whether a tool can say of an effect that it is there: one that only reads, and no agent, which may say anything.
 *
 * @throws AppError INVALID_ARGUMENT (CANNOT_ASK)
 */
export async function assertCanAsk(tx: Queryable, tenant: string, tool: string, by: string): Promise<void> {
  const found = await readDeclaredTool(tx, tenant, by);
  if (found?.effect === "read" && found.type !== "agent") return;
  const is = found
    ? `is ${found.type === "agent" ? "an agent" : found.effect}`
    : `does not exist; apply Tool/${by} first`;
  throw new AppError(
    "INVALID_ARGUMENT",
    `Tool/${tool}: spec.effects.by names the tool ${JSON.stringify(by)}, which ${is}; a tool with "effect: read" is needed`,
    { reason: "CANNOT_ASK", field: "spec.effects.by" },
  );
}
