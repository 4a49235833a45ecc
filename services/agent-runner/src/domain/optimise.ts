import {
  AGENT_BOUNDS,
  type AgentAction,
  type AgentBounds,
  type AgentPosture,
  type AgentWindow,
  CALM_AGENTS,
  optimiseAgents,
} from "./optimise-agents.ts";

/** What was seen in one window. */
export type Window = {
  /** Share of the memory the process may have, 0 to 1. */
  readonly memoryShare: number;
  /** Share of the processor time there is, 0 to 1. */
  readonly cpuShare: number;
  readonly models: readonly ModelWindow[];
  readonly agents: readonly AgentWindow[];
};

export type ModelWindow = {
  readonly model: string;
  readonly calls: number;
  readonly failed: number;
  readonly p95Ms: number;
};

/** What was decided so far and what is normal; begins as `CALM`. */
export type Posture = {
  /** Share of the places runs get, MIN_CONCURRENCY to 1. */
  readonly concurrency: number;
  readonly calmWindows: number;
  /** Windows left for which a model is asked last. */
  readonly reserved: ReadonlyMap<string, number>;
  /** The usual 95th percentile of a model's calls, in milliseconds. */
  readonly baselineMs: ReadonlyMap<string, number>;
  readonly agents: AgentPosture;
};

/** Above them something is done. */
export type Bounds = {
  /** Of what the process may have, 0 to 1. Default 0.85. */
  readonly memoryShare: number;
  /** Of one processor, 0 to 1. Default 0.9. */
  readonly cpuShare: number;
  readonly agent: AgentBounds;
};

export const BOUNDS: Bounds = { memoryShare: 0.85, cpuShare: 0.9, agent: AGENT_BOUNDS };

export type Action =
  | AgentAction
  | { readonly kind: "trim-caches"; readonly reason: string }
  | { readonly kind: "set-concurrency"; readonly share: number; readonly reason: string }
  | { readonly kind: "reserve-model"; readonly model: string; readonly reason: string }
  | { readonly kind: "restore-model"; readonly model: string; readonly reason: string };

export const CALM: Posture = {
  concurrency: 1,
  calmWindows: 0,
  reserved: new Map(),
  baselineMs: new Map(),
  agents: CALM_AGENTS,
};

const CALM_CPU = 0.7;
const CALM_WINDOWS = 3;
const STEP_DOWN = 0.75;
const STEP_UP = 1.25;
const MIN_CONCURRENCY = 0.25;
const SLOW_MS = 15_000;
const TIMES_BASELINE = 3;
// Below this, three times the usual is still fast.
const LEAST_SLOW_MS = 2_000;
const MIN_CALLS = 5;
const MAX_FAILED = 0.5;
const RESERVED_WINDOWS = 10;
const MAX_RESERVED = 16;
const MAX_BASELINES = 1_000;
const BASELINE_WEIGHT = 0.2;

/**
 * What to do about a window. Each action is bounded (concurrency by a quarter of itself, down to a quarter of the
 * places; a model for ten windows) and is taken back when its cause is gone.
 *
 *   memory at 85 %              caches are trimmed
 *   CPU at 90 %                 concurrency down, first that of agents above their bounds; three windows below 70 %: up again
 *   a model slow or failing     it is asked after its agent's other models; ten windows later it has another chance
 */
export function optimise(
  window: Window,
  before: Posture,
  bounds: Bounds = BOUNDS,
): { readonly actions: Action[]; readonly posture: Posture } {
  const actions: Action[] = [];
  if (window.memoryShare >= bounds.memoryShare) {
    actions.push({ kind: "trim-caches", reason: `memory at ${percent(window.memoryShare)} of its bound` });
  }
  const isShortOfCpu = window.cpuShare >= bounds.cpuShare;
  const agents = optimiseAgents(window.agents, isShortOfCpu, before.agents, bounds.agent);
  actions.push(...agents.actions);
  const isSlowing = agents.actions.some(({ kind }) => kind === "set-agent-concurrency");
  const { concurrency, calmWindows } = decideConcurrency(window, before, isShortOfCpu && !isSlowing, actions);
  const reserved = decideModels(window, before, actions);
  const baselineMs = learn(window, before, reserved);
  return { actions, posture: { concurrency, calmWindows, reserved, baselineMs, agents: agents.posture } };
}

function decideConcurrency({ cpuShare }: Window, before: Posture, mayGoDown: boolean, actions: Action[]) {
  const calmWindows = cpuShare < CALM_CPU ? before.calmWindows + 1 : 0;
  const isDown = mayGoDown && before.concurrency > MIN_CONCURRENCY;
  const isUp = calmWindows >= CALM_WINDOWS && before.concurrency < 1;
  if (!isDown && !isUp) return { concurrency: before.concurrency, calmWindows };
  const wanted = before.concurrency * (isDown ? STEP_DOWN : STEP_UP);
  const share = Math.round(Math.min(1, Math.max(MIN_CONCURRENCY, wanted)) * 100) / 100;
  const reason = isDown ? `CPU at ${percent(cpuShare)}` : `CPU below ${percent(CALM_CPU)} for ${calmWindows} windows`;
  actions.push({ kind: "set-concurrency", share, reason });
  return { concurrency: share, calmWindows: 0 };
}

function decideModels({ models }: Window, before: Posture, actions: Action[]): Map<string, number> {
  const reserved = new Map<string, number>();
  for (const [model, left] of before.reserved) {
    if (left > 1) reserved.set(model, left - 1);
    else actions.push({ kind: "restore-model", model, reason: `${RESERVED_WINDOWS} windows are over` });
  }
  for (const each of models) {
    const reason = whyReserve(each, before.baselineMs.get(each.model));
    if (!reason || before.reserved.has(each.model) || reserved.size >= MAX_RESERVED) continue;
    reserved.set(each.model, RESERVED_WINDOWS);
    actions.push({ kind: "reserve-model", model: each.model, reason });
  }
  return reserved;
}

function whyReserve({ calls, failed, p95Ms }: ModelWindow, baselineMs: number | undefined): string | undefined {
  if (calls < MIN_CALLS) return undefined;
  if (failed / calls > MAX_FAILED) return `${failed} of ${calls} calls failed`;
  if (p95Ms > SLOW_MS) return `its 95th percentile is ${Math.round(p95Ms)} ms, above ${SLOW_MS} ms`;
  if (baselineMs === undefined || p95Ms <= Math.max(LEAST_SLOW_MS, TIMES_BASELINE * baselineMs)) return undefined;
  return `its 95th percentile is ${Math.round(p95Ms)} ms, usually ${Math.round(baselineMs)} ms`;
}

/** What is normal is learned from models that are not under suspicion. */
function learn({ models }: Window, before: Posture, reserved: ReadonlyMap<string, number>): Map<string, number> {
  const baselineMs = new Map(before.baselineMs.size > MAX_BASELINES ? [] : before.baselineMs);
  for (const { model, calls, p95Ms } of models) {
    if (calls < MIN_CALLS || reserved.has(model)) continue;
    const usual = baselineMs.get(model) ?? p95Ms;
    baselineMs.set(model, usual + BASELINE_WEIGHT * (p95Ms - usual));
  }
  return baselineMs;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
