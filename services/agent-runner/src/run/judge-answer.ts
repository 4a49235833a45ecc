import { describeError } from "@agentmesh/errors";
import { canonicalJson } from "@agentmesh/ids";
import { type AgentRun, AgentRun_State } from "@agentmesh/proto/runner";
import { z } from "zod";
import type { AgentDefinition } from "../domain/agent.ts";
import { type Quality, type ScoredAnswer, scoreAnswer, withJudgement } from "../domain/quality.ts";
import type { RunRequest } from "./run-request.ts";

const judgement = z.object({ score: z.number().min(0).max(1), reason: z.string().optional() });
const MAX_DETAIL_CHARS = 500;

/**
 * How good an answer is. A judge that fails leaves the checks as they are and says so: a run never fails for its score.
 */
export async function judgeAnswer(
  run: {
    readonly id: string;
    readonly request: RunRequest;
    readonly definition: AgentDefinition;
    readonly input: string;
  },
  answer: ScoredAnswer,
  { fromCache, execute }: { fromCache: boolean; execute: (request: RunRequest) => Promise<AgentRun> },
): Promise<Quality> {
  const { request, definition } = run;
  const settings = definition.spec.quality;
  const quality = scoreAnswer(answer, settings);
  // What was judged once is not paid for again, and nobody judges the judges.
  if (!settings.judge || fromCache || request.judges) return quality;
  try {
    const { caller, labels, signal, requestId } = request;
    const judged = await execute({
      caller,
      agent: settings.judge,
      text: canonicalJson({ task: run.input, answer: answer.text }),
      labels: { ...labels, judges: run.id },
      useCache: true,
      signal,
      requestId,
      attempt: 1,
      stepKey: "",
      judges: run.id,
      noteEffect: request.noteEffect,
      effects: request.effects,
      accounts: request.durable ?? request.accounts,
      // What a judge calls is below all that waits for the judge.
      lineage: {
        rootRunId: request.lineage?.rootRunId ?? run.id,
        agents: [...(request.lineage?.agents ?? []), definition.name],
        key: `${request.lineage?.key ?? request.effects?.key ?? run.id}:judge`,
      },
    });
    if (judged.state !== AgentRun_State.SUCCEEDED) return notJudged(quality, judged.failure?.code ?? judged.state);
    const { score, reason = "" } = judgement.parse(judged.output ?? JSON.parse(judged.text));
    return withJudgement(quality, { score, detail: reason.slice(0, MAX_DETAIL_CHARS) });
  } catch (error) {
    return notJudged(quality, describeError(error));
  }
}

function notJudged(quality: Quality, why: string): Quality {
  const detail = `not judged: ${why}`.slice(0, MAX_DETAIL_CHARS);
  // Its score is the checks' own, so that it changes nothing.
  return { ...quality, checks: [...quality.checks, { name: "judge", score: quality.score, detail }] };
}
