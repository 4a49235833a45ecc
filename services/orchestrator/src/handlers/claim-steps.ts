import type { Claim, ClaimStepsReply, ClaimStepsRequest } from "@agentmesh/proto/orchestrator";
import type { DeepPartial } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import type { Engine } from "../engine/engine.ts";
import { checkBatch, readRef } from "./step-refs.ts";
import { returnWhatDoesNotFit, workOf } from "./wire-claims.ts";

export async function claimSteps(
  context: Context,
  engine: Engine,
  request: ClaimStepsRequest,
): Promise<DeepPartial<ClaimStepsReply>> {
  const { worker, steps } = request;
  checkBatch(worker, steps.length);
  const keys = steps.map((step) => readRef(step));
  const asked = keys.flatMap((key) => (key ? [{ ...key, worker }] : []));
  const answers = await Promise.all(asked.map(engine.claim));
  const claimed = answers.flatMap((answer) => answer ?? []);
  const tooMuch = await returnWhatDoesNotFit(context, worker, claimed);
  let next = 0;
  const claims: DeepPartial<Claim>[] = [];
  for (const [index, key] of keys.entries()) {
    const answer = key ? answers[next++] : undefined;
    const step = steps[index] ?? {};
    const granted = answer !== undefined && !tooMuch.has(answer);
    claims.push(granted ? { step, granted, work: await workOf(context, answer) } : { step, granted });
  }
  return { claims };
}
