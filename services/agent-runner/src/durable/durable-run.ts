import { AppError } from "@agentmesh/errors";
import type { AgentRunEvent } from "@agentmesh/proto/runner";
import type { Context } from "../context.ts";
import type { Durable, Intent } from "../run/durable.ts";
import { type LiveRow, noteEffect } from "../store/live-runs.ts";
import { noteUsage } from "../store/model-call-intents.ts";
import { claimTurn, type SessionKey } from "../store/sessions.ts";
import { openJournal, type RunEvent } from "./journal.ts";
import { fenced, type LocalRun } from "./runs.ts";

/** Where a run stands in its session. `fence` is set when it is its turn. */
export type Turn = { readonly key: SessionKey; readonly ticket: bigint; fence: bigint };

export type DurableRun = Durable & {
  readonly turn: Turn | undefined;
  /** Whether it got as far as its `started` event; whoever takes it over begins with that. */
  readonly hasBegun: boolean;
  /** @throws AppError CONFLICT (FENCED) when another replica may have it by now */
  assertMayAct(): void;
  /** Aborts with the run's own end, and with `more`. */
  signalWith(more: AbortSignal): AbortSignal;
  /** It is no longer this process's. */
  forget(): void;
};

/** A run in this process, from its row. @param lastSeq of the events that are stored already */
export function createDurable(context: Context, row: LiveRow, lastSeq: number): DurableRun {
  const { tenant, id, epoch } = row;
  const { durable, db, inFlight, log } = context;
  const local: LocalRun = { tenant, id, epoch, abort: new AbortController(), hadEffect: false, isGivenUp: false };
  durable.local.set(id, local);
  const journal = openJournal({
    runId: id,
    lastSeq,
    log,
    async append(events) {
      const outcome = await durable.append({ tenant, id, epoch, events });
      if (outcome === "stored") durable.hub.publish(tenant, id, events);
      return outcome;
    },
    onFenced: () => local.abort.abort(fenced(id)),
  });
  const turn = turnOf(row);
  let hasBegun = false;

  const deadline = abortAt(local, row);
  function forget(): void {
    clearTimeout(deadline);
    if (durable.local.get(id) === local) durable.local.delete(id);
    if (turn) durable.turns.ended(turn.key);
  }

  return {
    tenant,
    id,
    epoch,
    startedAt: row.started_at,
    session: row.session ?? "",
    get isGivenUp() {
      return local.isGivenUp;
    },
    turn,
    get hasBegun() {
      return hasBegun;
    },
    assertMayAct() {
      if (performance.now() > durable.heldUntilMs) throw fenced(id);
      local.abort.signal.throwIfAborted();
    },
    signalWith: (more) => AbortSignal.any([local.abort.signal, more]),
    emit(event: RunEvent) {
      hasBegun ||= event.$case === "started";
      journal.emit(event);
    },
    async awaitTurn(signal) {
      if (turn) turn.fence = await awaitTurn(context, turn, signal);
    },
    async intend({ attemptId, agent, provider, model, inputTokens }: Intent) {
      const call = {
        tenant,
        attempt_id: attemptId,
        run_id: id,
        epoch,
        agent,
        provider,
        model,
        input_tokens: inputTokens,
      };
      await durable.intend({ ...call, usage: null, at: new Date() });
    },
    noteUsage(attemptId, usage) {
      // Its loss leaves an estimate in its place.
      inFlight.track(noteUsage(db, tenant, attemptId, usage)).catch(() => undefined);
    },
    async noteEffect() {
      if (local.hadEffect) return;
      if (!(await noteEffect(db, { tenant, id, epoch }))) throw fenced(id);
      local.hadEffect = true;
    },
    close: (ended) => journal.close(local.isGivenUp ? undefined : { $case: "ended", value: ended }),
    ended(tail: readonly AgentRunEvent[]) {
      forget();
      durable.hub.publish(tenant, id, tail);
    },
    forget,
  };
}

function turnOf({ tenant, agent, session, session_subject, ticket }: LiveRow): Turn | undefined {
  if (session === null || ticket === null) return undefined;
  return { key: { tenant, agent, subject: session_subject ?? "", session }, ticket, fence: 0n };
}

/** A run has its bound whoever waits for it. */
function abortAt({ abort }: LocalRun, row: LiveRow): NodeJS.Timeout {
  const end = () => {
    const message = `agent run ${row.id} took longer than a run may; see runs.maxMs`;
    abort.abort(new AppError("DEADLINE_EXCEEDED", message, { reason: "RUN_TOO_LONG" }));
  };
  return setTimeout(end, Math.max(1, row.deadline_at.getTime() - Date.now())).unref();
}

// A hint that was lost costs this much.
const LOOK_AGAIN_MS = 500;

/** In order of arrival over all replicas: the run with the lowest ticket that is alive. */
async function awaitTurn(context: Context, { key, ticket }: Turn, signal: AbortSignal): Promise<bigint> {
  const { sessionWaitMs } = context.config.runs;
  const untilMs = Date.now() + sessionWaitMs;
  // Before the first look, so that no end is missed between looking and waiting.
  using waiting = context.durable.turns.enter(key, ticket);
  for (;;) {
    signal.throwIfAborted();
    const fence = await claimTurn(context.db, key, ticket);
    if (fence !== undefined) return fence;
    if (Date.now() >= untilMs) {
      const message = `session ${key.session} of agent ${key.agent} was busy for ${sessionWaitMs} ms; try again later`;
      throw new AppError("RESOURCE_EXHAUSTED", message, { reason: "SESSION_BUSY", retryAfterMs: sessionWaitMs });
    }
    await waiting.wait(LOOK_AGAIN_MS, signal);
  }
}
