import type { AgentWindow } from "../domain/optimise-agents.ts";

/** What is known of a run at its end. */
export type RunEnd = {
  /** Of all it read and wrote: input, answer, tools' results. */
  readonly chars: number;
  readonly isComputed: boolean;
};

/** One run under way; disposing it ends it. */
export type RunAccount = Disposable & { ended(end: RunEnd): void };

export type AgentAccounts = {
  /**
   * @param agent `<tenant>/<agent>`
   * @param replaceable the model it asks first; empty where there is no other
   */
  begin(agent: string, replaceable: string): RunAccount;
  /** Ends the window. @param cpuMs what the process used in it */
  take(elapsedMs: number, cpuMs: number): AgentWindow[];
};

type Account = {
  running: number;
  mostRunning: number;
  begun: number;
  ended: number;
  chars: number;
  busyMs: number;
  replaceable: string;
  durationsMs: number[];
};

const MAX_AGENTS = 1_000;
// Of each agent in a window; enough for a percentile.
const MAX_SAMPLES = 500;
// Two bytes a character at most; as message, request body, reply and record.
const BYTES_A_CHAR = 2 * 4;

/**
 * What each agent's runs take. Node cannot tell which run a processor or the heap works for, so both are estimates: the
 * time of the process is shared out by the text that runs handled, and memory is what that text takes, for as many runs
 * as there were at once.
 */
export function createAgentAccounts(nowMs: () => number = () => performance.now()): AgentAccounts {
  let accounts = new Map<string, Account>();

  return {
    begin(agent, replaceable) {
      if (!accounts.has(agent) && accounts.size >= MAX_AGENTS) return NOT_COUNTED;
      const account = accounts.get(agent) ?? newAccount(0);
      accounts.set(agent, account);
      const beganMs = nowMs();
      account.replaceable = replaceable;
      account.begun += 1;
      account.running += 1;
      account.mostRunning = Math.max(account.mostRunning, account.running);
      let isOver = false;
      return {
        ended({ chars, isComputed }) {
          const current = accounts.get(agent) ?? account;
          const durationMs = nowMs() - beganMs;
          current.ended += 1;
          current.chars += chars;
          current.busyMs += durationMs;
          if (isComputed && current.durationsMs.length < MAX_SAMPLES) current.durationsMs.push(durationMs);
        },
        [Symbol.dispose]() {
          if (isOver) return;
          isOver = true;
          const current = accounts.get(agent) ?? account;
          current.running = Math.max(0, current.running - 1);
        },
      };
    },
    take(elapsedMs, cpuMs) {
      const all = [...accounts];
      const chars = all.reduce((sum, [, each]) => sum + each.chars, 0);
      // Those with runs under way begin the next window with them.
      accounts = new Map(
        all.flatMap(([agent, { running }]) => (running > 0 ? [[agent, newAccount(running)] as const] : [])),
      );
      return all.map(([agent, each]) => summarise(agent, each, elapsedMs, chars > 0 ? cpuMs / chars : 0));
    },
  };
}

const NOT_COUNTED: RunAccount = { ended: () => undefined, [Symbol.dispose]: () => undefined };

function newAccount(running: number): Account {
  const nothing = { begun: 0, ended: 0, chars: 0, busyMs: 0, replaceable: "" };
  return { ...nothing, running, mostRunning: running, durationsMs: [] };
}

function summarise(agent: string, account: Account, elapsedMs: number, cpuMsAChar: number): AgentWindow {
  const { mostRunning, begun, ended, chars, busyMs, replaceable, durationsMs } = account;
  const sorted = durationsMs.toSorted((a, b) => a - b);
  return {
    agent,
    requestsPerMinute: (begun * 60_000) / Math.max(1, elapsedMs),
    computed: durationsMs.length,
    p95Ms: sorted[Math.floor(sorted.length * 0.95)] ?? 0,
    cpuShare: busyMs > 0 ? Math.min(1, (cpuMsAChar * chars) / busyMs) : 0,
    memoryBytes: ended > 0 ? mostRunning * (chars / ended) * BYTES_A_CHAR : 0,
    replaceable,
  };
}
