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

function readCompletion(worker: string, { step, result, costNanoUsd, durationMs }: StepResult): Completion | undefined {
  const key = readRef(step);
  if (!key) return undefined;
  const failure = result?.$case === "failure" ? result.value : undefined;
  const output: unknown = result?.$case === "output" ? result.value : null;
  const cost = costNanoUsd > 0n ? costNanoUsd : 0n;
  return { kind: "result", ...key, worker, output: output ?? null, failure, costNanoUsd: cost, durationMs };
}
