import { setTimeout as wait } from "node:timers/promises";
import { AppError, type ErrorCode, toAppError } from "@agentmesh/errors";
import type { AgentRunEvent, RunAgentRequest } from "@agentmesh/proto/runner";
import type { runnerContract } from "@agentmesh/proto/runner.contract";
import type { CallOptions, Client, DeepPartial } from "@agentmesh/rpc";

export type StreamAgentOptions = Pick<CallOptions, "signal" | "metadata"> & {
  /** Whether the run is cancelled when the signal aborts. Default false: it goes on, and can be resumed by its id. */
  readonly cancelOnAbort?: boolean;
};

// Without a single event between them; the last waits add up to about a quarter of a minute.
const MAX_BROKEN_IN_A_ROW = 10;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 2_000;
const CANCEL_TIMEOUT_MS = 2_000;

/** What another try cannot mend. */
const FINAL: readonly ErrorCode[] = [
  "INVALID_ARGUMENT",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "NOT_FOUND",
  "FAILED_PRECONDITION",
  "UNIMPLEMENTED",
];

type Runner = Pick<Client<typeof runnerContract>, "streamAgent" | "resumeAgentRun" | "cancelAgentRun">;

/**
 * Runs an agent and yields what happens until its end. A stream that breaks is resumed after the last event that was seen,
 * on whichever replica answers: `seq` grows by one and no event comes twice. When the run's own replica is gone, a
 * `restarted` event says that text and calls before it are to be discarded.
 *
 * @throws AppError of the service; the last failure after 10 broken streams in a row without an event between them
 */
export async function* streamAgent(
  runner: Runner,
  request: DeepPartial<RunAgentRequest>,
  { cancelOnAbort = false, ...options }: StreamAgentOptions = {},
): AsyncGenerator<AgentRunEvent> {
  const { signal } = options;
  let id = "";
  let seq = 0;
  let broken = 0;
  for (;;) {
    try {
      const events =
        id === "" ? runner.streamAgent(request, options) : runner.resumeAgentRun({ id, afterSeq: seq }, options);
      for await (const event of events) {
        ({ runId: id, seq } = event);
        broken = 0;
        yield event;
        if (event.event?.$case === "ended") return;
      }
      throw new AppError("UNAVAILABLE", `the stream of agent run ${id} ended before the run did`);
    } catch (error) {
      if (signal?.aborted) {
        if (cancelOnAbort && id !== "") await cancel(runner, id, options);
        throw error;
      }
      broken += 1;
      // A run that was never heard of may have begun or not: only the caller knows whether it may begin twice.
      if (id === "" || FINAL.includes(toAppError(error).code) || broken > MAX_BROKEN_IN_A_ROW) throw error;
      await wait(Math.min(FIRST_DELAY_MS * 2 ** (broken - 1), MAX_DELAY_MS), undefined, { signal });
    }
  }
}

/** The signal that ends the stream must not end this. One that fails leaves a run that ends by itself. */
async function cancel(runner: Runner, id: string, { metadata }: StreamAgentOptions): Promise<void> {
  const options = { timeoutMs: CANCEL_TIMEOUT_MS, ...(metadata && { metadata }) };
  await runner.cancelAgentRun({ id }, options).catch(() => undefined);
}
