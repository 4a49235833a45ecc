import { AppError } from "@agentmesh/errors";
import type { AgentRunEvent, RunAgentRequest } from "@agentmesh/proto/runner";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { executeRun } from "../run/execute-run.ts";
import { readRequest } from "./read-request.ts";

type Event = NonNullable<AgentRunEvent["event"]>;

/** The run as events, numbered from 1. A reader who leaves cancels the run; what it cost until then is recorded. */
export async function* streamAgent(
  context: Context,
  request: RunAgentRequest,
  call: Call,
): AsyncGenerator<AgentRunEvent> {
  const left = new AbortController();
  const queue: Event[] = [];
  let wake = Promise.withResolvers<void>();
  let isOver = false;

  function emit(event: Event): void {
    const last = queue.at(-1);
    // Text that waits for a slow reader is joined, so that what waits is bounded by the answer itself.
    if (last?.$case === "textDelta" && event.$case === "textDelta") last.value += event.value;
    else queue.push(event.$case === "textDelta" ? { ...event } : event);
    wake.resolve();
  }
  const signal = AbortSignal.any([call.signal, left.signal]);
  const running = context.inFlight
    .track(executeRun(context, { ...readRequest(request, call), signal, emit }))
    .finally(() => {
      isOver = true;
      wake.resolve();
    });
  // It is awaited below; a failure before that must not count as nobody's.
  running.catch(() => undefined);
  let runId = "";
  let seq = 0;
  try {
    while (!isOver || queue.length > 0) {
      await wake.promise;
      wake = Promise.withResolvers<void>();
      for (let event = queue.shift(); event; event = queue.shift()) {
        if (event.$case === "started") runId = event.value.id;
        seq += 1;
        yield { runId, seq, event };
      }
    }
    await running;
  } finally {
    left.abort(new AppError("CANCELLED", "the reader of the stream went away"));
  }
}
