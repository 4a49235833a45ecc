import type { Claim, CompleteStepsReply, CompleteStepsRequest, StepResult } from "@agentmesh/proto/orchestrator";
import type { DeepPartial } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import type { Completion } from "../engine/complete-steps.ts";
import type { Engine } from "../engine/engine.ts";
import { checkBatch, readRef } from "./step-refs.ts";
import { claimOf, returnWhatDoesNotFit } from "./wire-claims.ts";

export async function completeSteps(
  context: Context,
  engine: Engine,
  request: CompleteStepsRequest,
): Promise<DeepPartial<CompleteStepsReply>> {
  const { worker, results, takesNext } = request;
  checkBatch(worker, results.length);
  const read = results.map((result) => readCompletion(worker, result, takesNext));
  const asked = read.flatMap((completion) => completion ?? []);
  const answers = await Promise.all(asked.map(engine.complete));
  const handed = answers.flatMap(({ next }) => next);
  const tooMuch = await returnWhatDoesNotFit(context, worker, handed);
  const next: DeepPartial<Claim>[] = [];
  for (const step of handed) {
    if (tooMuch.has(step)) continue;
    next.push(await claimOf(context, step));
  }
  let at = 0;
  return { accepted: read.map((completion) => completion !== undefined && answers[at++]?.accepted === true), next };
}

// People read it in events, replies and notifications.
const MAX_MESSAGE_CHARS = 4000;

function readCompletion(worker: string, completed: StepResult, takesNext: boolean): Completion | undefined {
  const { step, result, costNanoUsd, durationMs, quality } = completed;
  const key = readRef(step);
  if (!key) return undefined;
  const failed = result?.$case === "failure" ? result.value : undefined;
  const failure = failed && { ...failed, message: failed.message.slice(0, MAX_MESSAGE_CHARS) };
  const output: unknown = result?.$case === "output" ? result.value : null;
  const cost = costNanoUsd > 0n ? costNanoUsd : 0n;
  const told = { worker, output: output ?? null, failure, costNanoUsd: cost, durationMs, quality };
  return { kind: "result", ...key, ...told, takesNext };
}
