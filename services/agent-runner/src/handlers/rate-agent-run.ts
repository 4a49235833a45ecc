import { AppError } from "@agentmesh/errors";
import type { RateAgentRunReply, RateAgentRunRequest } from "@agentmesh/proto/runner";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { summariseRatings, upsertRating } from "../store/ratings.ts";
import { getAgentRun } from "./get-agent-run.ts";

const MAX_COMMENT_CHARS = 4_000;

export async function rateAgentRun(
  context: Context,
  request: RateAgentRunRequest,
  call: Call,
): Promise<RateAgentRunReply> {
  const { tenant, subject } = requirePrincipal(call);
  const { runId, score, comment } = request;
  if (!(score >= 0 && score <= 1)) {
    throw new AppError("INVALID_ARGUMENT", `score ${score}; give 0 (useless) to 1 (as good as can be)`, {
      field: "score",
    });
  }
  if (comment.length > MAX_COMMENT_CHARS) {
    throw new AppError("INVALID_ARGUMENT", `a comment of ${comment.length} characters; at most ${MAX_COMMENT_CHARS}`, {
      field: "comment",
    });
  }
  const run = await getAgentRun(context, { id: runId }, call);
  await upsertRating(context.db, { tenant, runId, subject, score, comment, at: new Date() });
  context.measured.rated(run.agent, score);
  return summariseRatings(context.db, tenant, runId);
}
