import { once } from "node:events";
import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import type { RunEvent, WatchRunRequest } from "@agentmesh/proto/orchestrator";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { workflowOfRun } from "../store/read-runs.ts";
import { readEvents } from "../store/run-events.ts";
import { runNotFound } from "./wire.ts";

// The hint makes it live; when one is lost, this makes it right.
const POLL_MS = 1000;
const MAX_WATCHERS = 1000;

/** Follows a run's events from a cursor to its end. */
export async function* watchRun(
  context: Context,
  request: WatchRunRequest,
  call: Call,
): AsyncGenerator<DeepPartial<RunEvent>> {
  const { tenant } = requirePrincipal(call);
  const { id } = request;
  const workflow = isId(id) ? await workflowOfRun(context.db, tenant, id) : undefined;
  if (workflow === undefined) throw runNotFound(id);
  call.requireResource(workflow);
  if (context.hints.watched >= MAX_WATCHERS) {
    throw new AppError("RESOURCE_EXHAUSTED", `${MAX_WATCHERS} runs are watched here already; try again later`, {
      reason: "TOO_MANY_WATCHERS",
      retryAfterMs: 1000,
    });
  }
  const hints = new EventTarget();
  let hinted = false;
  using _watching = context.hints.watch(id, () => {
    hinted = true;
    hints.dispatchEvent(new Event("hint"));
  });
  for (let after = request.afterSeq; !call.signal.aborted; ) {
    hinted = false;
    const page = await readEvents(context.db, id, after);
    for (const { seq, at, type, node, data } of page.events) {
      after = seq;
      yield { runId: id, seq, type, node, data: { ...data }, at };
    }
    if (page.ended) return;
    if (!hinted && page.events.length === 0) await nextHint(hints, call.signal);
  }
}

async function nextHint(hints: EventTarget, callSignal: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([callSignal, AbortSignal.timeout(POLL_MS)]);
  await once(hints, "hint", { signal }).catch(() => undefined);
}
