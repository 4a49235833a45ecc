import type { CompleteStepsRequest, StepResult } from "@agentmesh/proto/orchestrator";
import type { Completion, Engine } from "../engine/engine.ts";
import { checkBatch, readRef } from "./step-refs.ts";

export async function completeSteps(engine: Engine, request: CompleteStepsRequest) {
  const { worker, results } = request;
  checkBatch(worker, results.length);
  const read = results.map((result) => readCompletion(worker, result));
  const asked = read.flatMap((completion) => completion ?? []);
  const answers = await Promise.all(asked.map(engine.complete));
  let next = 0;
  return { accepted: read.map((completion) => (completion ? (answers[next++] ?? false) : false)) };
}

// People read it in events, replies and notifications.
const MAX_MESSAGE_CHARS = 4000;

function readCompletion(worker: string, completed: StepResult): Completion | undefined {
  const { step, result, costNanoUsd, durationMs, quality } = completed;
  const key = readRef(step);
  if (!key) return undefined;
  const failed = result?.$case === "failure" ? result.value : undefined;
  const failure = failed && { ...failed, message: failed.message.slice(0, MAX_MESSAGE_CHARS) };
  const output: unknown = result?.$case === "output" ? result.value : null;
  const cost = costNanoUsd > 0n ? costNanoUsd : 0n;
  return { kind: "result", ...key, worker, output: output ?? null, failure, costNanoUsd: cost, durationMs, quality };
}
