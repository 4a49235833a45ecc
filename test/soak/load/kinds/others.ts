import { AppError, toAppError } from "@agentmesh/errors";
import { AgentRun_State, type Failure } from "@agentmesh/proto/runner";
import { wholeBelow } from "../../random.ts";
import type { Kind } from "../kind.ts";

const sessionsOfUser = 3;
const cities = 20;
const batchSize = 5;

/** A turn in one of a few conversations of a user, who also says something of themselves. */
export const session: Kind = {
  name: "session",
  weight: 7,
  async run({ client, number, random, runs }) {
    runs.ended(
      await client.runner.runAgent({
        agent: "soak-session",
        session: `talk-${wholeBelow(sessionsOfUser, random)}`,
        text: `I live in city ${wholeBelow(cities, random)}. What did I ask before question ${number}?`,
      }),
    );
  },
};

/** Some inputs at once, two of them equal. */
export const batch: Kind = {
  name: "batch",
  weight: 2,
  async run({ client, number, runs }) {
    const texts = Array.from({ length: batchSize }, (_, index) => `Item ${number}.${Math.max(0, index - 1)}?`);
    const { results, computed } = await client.runner.runAgentBatch({
      agent: "soak-plain",
      inputs: texts.map((text) => ({ text })),
    });
    if (computed !== batchSize - 1) throw new Error(`${computed} of ${batchSize} inputs were computed`);
    for (const { run, failure } of results.slice(1)) {
      if (!run) throw refusal(failure);
      runs.ended(run);
    }
  },
};

/** Why a run of a batch did not begin; the batch says no time to come again, a single run would. */
function refusal(failure: Failure | undefined): Error {
  const { code = "", message = "", retryable = false } = failure ?? {};
  if (!retryable) return new Error(`${code}: ${message}`);
  return new AppError("RESOURCE_EXHAUSTED", message, { reason: code, retryAfterMs: 1_000 });
}

/** The upstream is slow, cuts answers off or refuses: the run succeeds after retries, or fails and says why. */
export const misbehaving: Kind = {
  name: "misbehaving",
  weight: 3,
  async run({ client, number, runs }) {
    try {
      const run = await client.runner.runAgent({ agent: "soak-flaky", text: `Is order ${number} paid?` });
      runs.ended(run, [AgentRun_State.SUCCEEDED, AgentRun_State.FAILED]);
    } catch (error) {
      // Only a breaker that is open, or a place in the pool that is not there, keeps a run from beginning.
      if (!toAppError(error).retryable) throw error;
    }
  },
};
