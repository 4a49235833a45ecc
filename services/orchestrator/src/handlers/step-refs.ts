import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import type { StepRef } from "@agentmesh/proto/orchestrator";
import type { StepKey } from "../store/claims.ts";

const MAX_STEPS = 256;
const MAX_WORKER_CHARS = 128;
const MAX_INT = 2_147_483_647;

/** What a worker may ask for at once. @throws AppError INVALID_ARGUMENT */
export function checkBatch(worker: string, count: number): void {
  if (worker === "" || worker.length > MAX_WORKER_CHARS || worker.includes("\0")) {
    throw new AppError("INVALID_ARGUMENT", `worker must be a name of 1 to ${MAX_WORKER_CHARS} characters`, {
      reason: "BAD_WORKER",
      field: "worker",
    });
  }
  if (count <= MAX_STEPS) return;
  throw new AppError("INVALID_ARGUMENT", `${count} steps at once, expected at most ${MAX_STEPS}; split the call`, {
    reason: "TOO_MANY_STEPS",
    field: "steps",
  });
}

/** An address that can exist; undefined for one that cannot, which is answered like one that does not. */
export function readRef(ref: StepRef | undefined): StepKey | undefined {
  if (!ref || !isId(ref.runId) || ref.shard > MAX_INT || ref.epoch > MAX_INT || ref.node.includes("\0")) {
    return undefined;
  }
  return { runId: ref.runId, node: ref.node, shard: ref.shard, epoch: ref.epoch };
}
