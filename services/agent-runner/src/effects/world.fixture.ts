import { AppError } from "@agentmesh/errors";
import type { EffectRow } from "../domain/decide-effect.ts";
import { type Effect, type EffectPorts, type EffectRows, haveOnce, type Intent } from "./have-once.ts";

export const TIMEOUT_MS = 1_000;
export const SETTLE_MS = 500;

type Step = { readonly actor: number; readonly notBeforeMs: number; readonly go: () => void };
/** A request on its way to the other system. */
type Sent = { dueMs: number; readonly hash: string; isLost: boolean };
type Kept = Omit<EffectRow, "busyMs"> & { readonly busyUntilMs: number };
export type Ended = { readonly result?: unknown; readonly error?: unknown };

/**
 * A world of one effect, any number of attempts, and an order of events that somebody else chooses: each step of an attempt
 * waits until it is let go, which may be never (it was killed) or after long (it was frozen).
 */
export function createWorld(mode: Effect["mode"], choose: () => number) {
  let nowMs = 0;
  let row: Kept | undefined;
  let steps: Step[] = [];
  let sent: Sent[] = [];
  const applied: string[] = [];
  const ended: Ended[] = [];

  function turn(actor: number, waitMs = 0): Promise<void> {
    return new Promise((go) => steps.push({ actor, notBeforeMs: nowMs + waitMs, go }));
  }

  function write(token: string, more: Partial<Kept>): boolean {
    if (row?.token !== token || row.state === "DONE") return false;
    row = { ...row, ...more };
    return true;
  }

  function rowsOf(actor: number): EffectRows {
    const asKept = ({ attempt, token, requestHash, busyMs }: Intent): Kept => {
      return { state: "INTENT", attempt, token, requestHash, result: undefined, busyUntilMs: nowMs + busyMs };
    };
    return {
      async begin(intent) {
        await turn(actor);
        if (row) return { ...row, busyMs: row.busyUntilMs - nowMs };
        row = asKept(intent);
        return undefined;
      },
      async take(intent, from) {
        await turn(actor);
        return write(from, asKept(intent));
      },
      async finish(_place, token, result) {
        await turn(actor);
        return write(token, { state: "DONE", result: JSON.stringify(result) });
      },
      async settle(_place, token, busyMs) {
        await turn(actor);
        return write(token, { busyUntilMs: nowMs + busyMs });
      },
      async drop(_place, token) {
        await turn(actor);
        const isOurs = row?.token === token && row.state === "INTENT";
        if (isOurs) row = undefined;
        return isOurs;
      },
    };
  }

  async function call(actor: number, hash: string, assertMayAct: () => void): Promise<unknown> {
    await turn(actor);
    assertMayAct();
    const request: Sent = { dueMs: nowMs + TIMEOUT_MS + SETTLE_MS, hash, isLost: false };
    sent.push(request);
    await turn(actor);
    const hasArrived = !sent.includes(request);
    const fate = choose() % 3;
    if (hasArrived && fate === 0) return "made";
    if (!hasArrived && fate === 0) {
      request.isLost = true;
      throw new AppError("FAILED_PRECONDITION", "refused");
    }
    // What was given up shows soon or never.
    request.dueMs = Math.min(request.dueMs, nowMs + SETTLE_MS);
    request.isLost = !hasArrived && fate === 1;
    throw new AppError("UNAVAILABLE", "no answer");
  }

  function start(actor: number, attempt: number, hash: string): void {
    const ports: EffectPorts = {
      rows: rowsOf(actor),
      nowMs: () => nowMs,
      wait: (ms) => turn(actor, ms),
      onIntent: () => undefined,
      onOutcome: () => undefined,
      warn: () => undefined,
    };
    const effect: Effect = {
      tenant: "acme",
      key: "k",
      tool: "pay",
      mode,
      attempt,
      requestHash: hash,
      timeoutMs: TIMEOUT_MS,
      settleMs: SETTLE_MS,
      signal: new AbortController().signal,
      assertMayAct: () => undefined,
      call: (assertMayAct) => call(actor, hash, assertMayAct),
      async ask() {
        await turn(actor);
        if (choose() % 4 === 0) throw new AppError("UNAVAILABLE", "the system that knows is away");
        return { done: applied.length > 0, result: "found" };
      },
    };
    haveOnce(ports, effect).then(
      (result) => ended.push({ result }),
      (error) => ended.push({ error }),
    );
  }

  function arrive(which: readonly Sent[]): void {
    for (const { isLost, hash } of which) if (!isLost) applied.push(hash);
    sent = sent.filter((each) => !which.includes(each));
  }

  function advance(ms: number): void {
    nowMs += ms;
    arrive(sent.filter(({ dueMs }) => dueMs <= nowMs));
  }

  return {
    applied,
    ended,
    start,
    advance,
    get isStill() {
      return steps.length === 0;
    },
    /** Lets one attempt do its next step; where all wait, time passes. */
    step(pick: number): void {
      if (steps.length === 0) return;
      const ready = steps.filter(({ notBeforeMs }) => notBeforeMs <= nowMs);
      const next = ready[pick % Math.max(1, ready.length)];
      if (next) {
        steps = steps.filter((each) => each !== next);
        next.go();
      } else advance(Math.max(1, Math.min(...steps.map(({ notBeforeMs }) => notBeforeMs)) - nowMs));
    },
    kill(pick: number): void {
      const actor = steps[pick % Math.max(1, steps.length)]?.actor;
      steps = steps.filter((each) => each.actor !== actor);
    },
    deliver(pick: number): void {
      arrive(sent.slice(pick % Math.max(1, sent.length)).slice(0, 1));
    },
    /** The orchestrator took the word of an attempt that it is in doubt. */
    tell(attempt: number): void {
      if (row?.state === "INTENT") row = { ...row, state: "IN_DOUBT", attempt };
    },
  };
}
