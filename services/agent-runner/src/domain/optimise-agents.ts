/** What one agent's runs took in one window. The estimates are shares of what the whole process used, by what each run handled. */
export type AgentWindow = {
  /** `<tenant>/<agent>` */
  readonly agent: string;
  readonly requestsPerMinute: number;
  /** Runs that were computed, not answered from the cache. */
  readonly computed: number;
  /** Of those, in milliseconds. */
  readonly p95Ms: number;
  /** Estimate: the share of one processor that a run takes while it goes on. */
  readonly cpuShare: number;
  /** Estimate: the most that its runs held at once. */
  readonly memoryBytes: number;
  /** The model its runs asked first; empty where there is no other to ask instead. */
  readonly replaceable: string;
};

/** What an agent should stay within; above it, it is told of, and slowed or switched where that helps. */
export type AgentBounds = {
  /** Default 15 000. */
  readonly responseMs: number;
  /** Default 50 MB. */
  readonly memoryBytes: number;
  /** Of one processor, for each run. Default 0.1. */
  readonly cpuShare: number;
  /** Default 100. */
  readonly requestsPerMinute: number;
};

export const AGENT_BOUNDS: AgentBounds = {
  responseMs: 15_000,
  memoryBytes: 50_000_000,
  cpuShare: 0.1,
  requestsPerMinute: 100,
};

export type AgentPosture = {
  /** Agents with fewer places than the others. */
  readonly slowed: ReadonlyMap<string, { readonly share: number; readonly calmWindows: number }>;
  /** Agents whose first model is asked last, and the windows left for it. */
  readonly switched: ReadonlyMap<string, { readonly model: string; readonly left: number }>;
  /** The usual 95th percentile of an agent's runs, in milliseconds. */
  readonly usualMs: ReadonlyMap<string, number>;
};

export const CALM_AGENTS: AgentPosture = { slowed: new Map(), switched: new Map(), usualMs: new Map() };

export type AgentAction =
  | {
      readonly kind: "set-agent-concurrency";
      readonly agent: string;
      readonly share: number;
      readonly reason: string;
    }
  | { readonly kind: "switch-model"; readonly agent: string; readonly model: string; readonly reason: string }
  | { readonly kind: "return-model"; readonly agent: string; readonly model: string; readonly reason: string };

const CALM_WINDOWS = 3;
const STEP_DOWN = 0.5;
const STEP_UP = 1.5;
const MIN_SHARE = 0.25;
const MIN_RUNS = 5;
const TIMES_USUAL = 3;
const LEAST_SLOW_MS = 2_000;
const SWITCHED_WINDOWS = 10;
const MAX_SLOWED = 64;
const MAX_SWITCHED = 64;
const MAX_USUAL = 1_000;
const USUAL_WEIGHT = 0.2;

/** The bounds an agent is above. */
export function boundsExceeded(each: AgentWindow, bounds: AgentBounds): (keyof AgentBounds)[] {
  const above: (keyof AgentBounds)[] = [];
  if (each.computed >= MIN_RUNS && each.p95Ms > bounds.responseMs) above.push("responseMs");
  if (each.memoryBytes > bounds.memoryBytes) above.push("memoryBytes");
  if (each.cpuShare > bounds.cpuShare) above.push("cpuShare");
  if (each.requestsPerMinute > bounds.requestsPerMinute) above.push("requestsPerMinute");
  return above;
}

/**
 * What to do about single agents. A share of the processor or many requests are no harm while there is processor left, so
 * those count only when the process is short of it; memory counts always.
 *
 *   holds more than 50 MB                                     half the places, down to a quarter; back when it is over
 *   CPU at 90 %: takes over 10 % a run, or over 100 runs/min  the same, before all others get fewer
 *   slower than 15 s or three times its usual, unlike before  its first model is asked last, for ten windows
 */
export function optimiseAgents(
  agents: readonly AgentWindow[],
  isShortOfCpu: boolean,
  before: AgentPosture,
  bounds: AgentBounds,
): { readonly actions: AgentAction[]; readonly posture: AgentPosture } {
  const actions: AgentAction[] = [];
  const slowed = decidePlaces(agents, isShortOfCpu, before, bounds, actions);
  const switched = decideSwitches(agents, before, bounds, actions);
  return { actions, posture: { slowed, switched, usualMs: learn(agents, before, switched) } };
}

function decidePlaces(
  agents: readonly AgentWindow[],
  isShortOfCpu: boolean,
  before: AgentPosture,
  bounds: AgentBounds,
  actions: AgentAction[],
): AgentPosture["slowed"] {
  const slowed = new Map(before.slowed);
  const reasons = new Map(agents.map((each) => [each.agent, whySlow(each, isShortOfCpu, bounds)]));
  for (const [agent, { share, calmWindows }] of before.slowed) {
    const isCalm = !isShortOfCpu && !reasons.get(agent);
    if (!isCalm || calmWindows + 1 < CALM_WINDOWS) {
      slowed.set(agent, { share, calmWindows: isCalm ? calmWindows + 1 : 0 });
      continue;
    }
    const next = Math.min(1, round(share * STEP_UP));
    if (next === 1) slowed.delete(agent);
    else slowed.set(agent, { share: next, calmWindows: 0 });
    const reason = `within its bounds for ${CALM_WINDOWS} windows`;
    actions.push({ kind: "set-agent-concurrency", agent, share: next, reason });
  }
  for (const [agent, reason] of reasons) {
    const share = before.slowed.get(agent)?.share ?? 1;
    if (!reason || share <= MIN_SHARE || (share === 1 && slowed.size >= MAX_SLOWED)) continue;
    const next = Math.max(MIN_SHARE, round(share * STEP_DOWN));
    slowed.set(agent, { share: next, calmWindows: 0 });
    actions.push({ kind: "set-agent-concurrency", agent, share: next, reason });
  }
  return slowed;
}

function whySlow(each: AgentWindow, isShortOfCpu: boolean, bounds: AgentBounds): string | undefined {
  const above = boundsExceeded(each, bounds);
  if (above.includes("memoryBytes")) return `its runs hold about ${Math.round(each.memoryBytes / 1e6)} MB`;
  if (!isShortOfCpu) return undefined;
  if (above.includes("cpuShare")) return `a run takes about ${Math.round(each.cpuShare * 100)} % of a processor`;
  return above.includes("requestsPerMinute") ? `${Math.round(each.requestsPerMinute)} requests a minute` : undefined;
}

function decideSwitches(
  agents: readonly AgentWindow[],
  before: AgentPosture,
  bounds: AgentBounds,
  actions: AgentAction[],
): AgentPosture["switched"] {
  const switched = new Map<string, { model: string; left: number }>();
  for (const [agent, { model, left }] of before.switched) {
    if (left > 1) switched.set(agent, { model, left: left - 1 });
    else actions.push({ kind: "return-model", agent, model, reason: `${SWITCHED_WINDOWS} windows are over` });
  }
  for (const each of agents) {
    const { agent, replaceable: model } = each;
    const reason = whySwitch(each, before.usualMs.get(agent), bounds);
    if (!reason || !model || before.switched.has(agent) || switched.size >= MAX_SWITCHED) continue;
    switched.set(agent, { model, left: SWITCHED_WINDOWS });
    actions.push({ kind: "switch-model", agent, model, reason });
  }
  return switched;
}

/** An agent that always took long is no slower than it should be. */
function whySwitch({ computed, p95Ms }: AgentWindow, usualMs: number | undefined, { responseMs }: AgentBounds) {
  if (computed < MIN_RUNS || usualMs === undefined) return undefined;
  const isTooSlow = p95Ms > responseMs && usualMs <= responseMs;
  if (!isTooSlow && p95Ms <= Math.max(LEAST_SLOW_MS, TIMES_USUAL * usualMs)) return undefined;
  return `the 95th percentile of its runs is ${Math.round(p95Ms)} ms, usually ${Math.round(usualMs)} ms`;
}

function learn(agents: readonly AgentWindow[], before: AgentPosture, switched: AgentPosture["switched"]) {
  const usualMs = new Map(before.usualMs.size > MAX_USUAL ? [] : before.usualMs);
  for (const { agent, computed, p95Ms } of agents) {
    if (computed < MIN_RUNS || switched.has(agent)) continue;
    const usual = usualMs.get(agent) ?? p95Ms;
    usualMs.set(agent, usual + USUAL_WEIGHT * (p95Ms - usual));
  }
  return usualMs;
}

function round(share: number): number {
  return Math.round(share * 100) / 100;
}
