import { AppError, describeError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import { decideEffect, type EffectRow } from "../domain/decide-effect.ts";
import { saysNotMade } from "../domain/says-not-made.ts";

/** One effect that is to be had once, whoever tries it how often. */
export type Effect = {
  readonly tenant: string;
  /** The same for all attempts. */
  readonly key: string;
  readonly tool: string;
  readonly mode: "verify" | "none";
  /** Of the step. */
  readonly attempt: number;
  readonly requestHash: string;
  /** How long one call takes at most, in milliseconds. */
  readonly timeoutMs: number;
  /** How long after it an effect may still show, in milliseconds. */
  readonly settleMs: number;
  readonly signal: AbortSignal;
  /** @throws when whoever tries it may have lost what it works on */
  assertMayAct(): void;
  /** Makes it. `assertMayAct` is called when nothing can keep it back any more. */
  call(assertMayAct: () => void): Promise<unknown>;
  /** Whether it is there. @throws when nobody can tell */
  ask(): Promise<{ readonly done: boolean; readonly result: unknown }>;
};

type Place = Pick<Effect, "tenant" | "key">;
export type Intent = Pick<Effect, "tenant" | "key" | "tool" | "attempt" | "requestHash"> & {
  readonly token: string;
  readonly busyMs: number;
};

/** Where effects are kept. What is written under a token that is no longer the row's does nothing: false. */
export type EffectRows = {
  /** Undefined: there was none, now it is an INTENT of this token. */
  begin(intent: Intent): Promise<EffectRow | undefined>;
  /** Of what is not done. */
  take(intent: Intent, from: string): Promise<boolean>;
  finish(place: Place, token: string, result: unknown): Promise<boolean>;
  /** The call is over, whatever became of it. */
  settle(place: Place, token: string, busyMs: number): Promise<boolean>;
  /** It was not made. */
  drop(place: Place, token: string): Promise<boolean>;
};

export type EffectOutcome = "made" | "repeat_suppressed" | "found_made" | "not_made" | "in_doubt" | "conflict";

export type EffectPorts = {
  readonly rows: EffectRows;
  /** A clock that only goes forward, in milliseconds. */
  nowMs(): number;
  wait(ms: number, signal: AbortSignal): Promise<void>;
  onIntent(): void;
  onOutcome(outcome: EffectOutcome): void;
  warn(effect: Effect, reason: string, message: string): void;
};

// From the intent to the moment the call leaves, connecting included: who was frozen longer sends nothing.
export const SEND_WITHIN_MS = 4_000;
const LOOK_AGAIN_MS = 100;
// Others that died at it one after the other, each of which is waited for.
const MAX_WAITS = 3;

type Attempt = { readonly ports: EffectPorts; readonly effect: Effect };
/** An intent that is ours, and when it was begun. */
type Held = { readonly token: string; readonly sinceMs: number };

/**
 * Has an effect once. An INTENT is committed before the call, DONE with its answer after; whoever finds an INTENT asks the
 * other system (`verify`) or says that nobody knows (`none`).
 *
 * @throws AppError FAILED_PRECONDITION (IN_DOUBT): a person decides; CONFLICT (EFFECT_CONFLICT): it was had with other
 *   arguments; UNAVAILABLE (EFFECT_BUSY): another attempt is at it; else what the call threw that did not have its effect
 */
export async function haveOnce(ports: EffectPorts, effect: Effect): Promise<unknown> {
  const attempt = { ports, effect };
  const giveUpAtMs = ports.nowMs() + MAX_WAITS * busyMs(effect);
  for (;;) {
    effect.signal.throwIfAborted();
    const held = { token: newId(), sinceMs: ports.nowMs() };
    const row = await ports.rows.begin(intentOf(effect, held.token));
    if (!row) return await act(attempt, held);
    const known = await goOn(attempt, row);
    if (known) return known.result;
    if (ports.nowMs() >= giveUpAtMs) {
      const message = `another attempt of ${effect.tool} is under way (key ${effect.key}); try again later`;
      throw new AppError("UNAVAILABLE", message, { reason: "EFFECT_BUSY" });
    }
  }
}

/** Undefined: the row has changed or will; look again. */
async function goOn(attempt: Attempt, row: EffectRow): Promise<{ readonly result: unknown } | undefined> {
  const { ports, effect } = attempt;
  const decision = decideEffect(row, effect);
  switch (decision.do) {
    case "answer":
      ports.onOutcome("repeat_suppressed");
      return { result: readKept(effect, decision.result) };
    case "conflict":
      ports.onOutcome("conflict");
      throw conflict(effect);
    case "wait":
      await ports.wait(Math.min(decision.ms, LOOK_AGAIN_MS), effect.signal);
      return undefined;
    case "doubt":
      throw inDoubt(attempt, decision.why);
    case "ask": {
      const { done, result } = await ask(attempt);
      if (done) return (await foundMade(attempt, row.token, result)) ? { result } : undefined;
      return await takeOver(attempt, row.token);
    }
    case "call":
      return await takeOver(attempt, row.token);
    default:
      return decision satisfies never;
  }
}

/** Undefined: somebody else took it. */
async function takeOver(attempt: Attempt, from: string): Promise<{ readonly result: unknown } | undefined> {
  const { ports, effect } = attempt;
  const held = { token: newId(), sinceMs: ports.nowMs() };
  if (!(await ports.rows.take(intentOf(effect, held.token), from))) return undefined;
  return { result: await act(attempt, held) };
}

/** The call itself, under an intent of ours. */
async function act(attempt: Attempt, held: Held): Promise<unknown> {
  const { ports, effect } = attempt;
  ports.onIntent();
  let hasLeft = false;
  function assertMayAct(): void {
    effect.assertMayAct();
    const sinceMs = ports.nowMs() - held.sinceMs;
    if (sinceMs > SEND_WITHIN_MS) {
      const message = `${effect.tool} was not called: ${Math.round(sinceMs)} ms after it was announced others may be at it`;
      throw new AppError("UNAVAILABLE", message, { reason: "EFFECT_LATE" });
    }
    hasLeft = true;
  }
  let result: unknown;
  try {
    effect.signal.throwIfAborted();
    result = await effect.call(assertMayAct);
  } catch (error) {
    if (!hasLeft || saysNotMade(error)) {
      await drop(attempt, held.token);
      throw error;
    }
    return await resolve(attempt, held.token, error);
  }
  await keep(attempt, held.token, result);
  ports.onOutcome("made");
  return result;
}

/** The call left and its answer did not come: was it made? */
async function resolve(attempt: Attempt, token: string, cause: unknown): Promise<unknown> {
  const { ports, effect } = attempt;
  // Whoever has the work next finds the intent; where nobody else has it, time is up, and a person is asked below.
  if (effect.signal.aborted && effect.mode === "verify") throw cause;
  const why = describeError(cause);
  await ports.rows.settle(effect, token, effect.settleMs).catch(() => false);
  if (effect.mode === "none") throw inDoubt(attempt, why);
  await ports.wait(effect.settleMs, effect.signal);
  const { done, result } = await ask(attempt);
  if (done && (await foundMade(attempt, token, result))) return result;
  if (!done) await drop(attempt, token);
  throw cause;
}

async function ask(attempt: Attempt): Promise<{ readonly done: boolean; readonly result: unknown }> {
  const { effect } = attempt;
  try {
    return await effect.ask();
  } catch (error) {
    if (effect.signal.aborted) throw error;
    throw inDoubt(attempt, `whether it is there could not be found out: ${describeError(error)}`);
  }
}

async function foundMade({ ports, effect }: Attempt, token: string, result: unknown): Promise<boolean> {
  const isKept = await ports.rows.finish(effect, token, result);
  if (isKept) ports.onOutcome("found_made");
  return isKept;
}

/** It was made: its answer counts, also where it cannot be kept. Then a repeat has to ask. */
async function keep({ ports, effect }: Attempt, token: string, result: unknown): Promise<void> {
  try {
    if (await ports.rows.finish(effect, token, result)) return;
    ports.warn(
      effect,
      "others took it over",
      "an effect was made by one that was fenced; look whether it was made twice",
    );
  } catch (error) {
    ports.warn(
      effect,
      describeError(error),
      "an effect was made, which could not be noted; a repeat will ask or doubt",
    );
  }
}

async function drop({ ports, effect }: Attempt, token: string): Promise<void> {
  ports.onOutcome("not_made");
  await ports.rows.drop(effect, token).catch((error) => {
    ports.warn(effect, describeError(error), "an effect was not made, which could not be noted");
  });
}

function intentOf(effect: Effect, token: string): Intent {
  const { tenant, key, tool, attempt, requestHash } = effect;
  return { tenant, key, tool, attempt, requestHash, token, busyMs: busyMs(effect) };
}

function busyMs({ timeoutMs, settleMs }: Effect): number {
  return SEND_WITHIN_MS + timeoutMs + settleMs;
}

function readKept({ tool, key }: Effect, result: string | undefined): unknown {
  if (result !== undefined) {
    const value: unknown = JSON.parse(result);
    return value;
  }
  const message = `${tool} had its effect under the key ${key}, but its answer is not kept: it was too large or too old; look at the other system`;
  throw new AppError("DATA_LOSS", message, { reason: "EFFECT_ANSWER_LOST" });
}

function conflict({ tool, key }: Effect): AppError {
  const message = `${tool} had its effect under the key ${key} with other arguments; a further effect needs a step, or a call, of its own`;
  return new AppError("CONFLICT", message, { reason: "EFFECT_CONFLICT" });
}

function inDoubt({ ports, effect }: Attempt, why: string): AppError {
  ports.onOutcome("in_doubt");
  const message = `nobody knows whether ${effect.tool} had its effect (key ${effect.key}): ${why}; look at the other system, then say so`;
  return new AppError("FAILED_PRECONDITION", message, { reason: "IN_DOUBT" });
}
