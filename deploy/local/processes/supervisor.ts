// Keeps a set of processes running. A process is in one of these states:
//
//   launching ──spawned──▶ running ──exit──▶ waiting ──backoff over──▶ launching
//       └──────────── stop ────────────────────┴──▶ stopped
//
// A crashed process starts again at once, then after 0.5 s, 1 s, 2 s, 4 s and from then on every 5 s; a process that ran
// for 10 s starts from the beginning of that list. Only stop() ends the restarting.
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { awaitReady } from "./await-ready.ts";
import { type Child, type ChildExit, type ChildPlan, startChild } from "./child.ts";

export type ProcessKind = "server" | "service";

export type SupervisedPlan = ChildPlan & {
  readonly kind: ProcessKind;
  /** For messages: "auth on 127.0.0.1:7103". */
  readonly what: string;
  /** Resolves when it really answers. */
  readonly probe: () => Promise<void>;
  /** Runs before each start. */
  readonly prepare?: () => Promise<void>;
};

export type SupervisorEvent =
  | { readonly type: "started" | "ready"; readonly name: string; readonly pid: number }
  | { readonly type: "crashed"; readonly name: string; readonly exit: ChildExit; readonly restartInMs: number }
  | { readonly type: "stopped"; readonly name: string };

export type SupervisedProcess = {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly pid: number;
  readonly mark: string;
  readonly stopSignal: NodeJS.Signals;
};

export type Supervisor = {
  /** Starts it and waits until it answers; rejects at the bound (it goes on restarting until stop). */
  start(plan: SupervisedPlan, timeoutMs: number): Promise<void>;
  /** Waits until the process (after a crash: the next one) answers. */
  waitReady(name: string, timeoutMs: number): Promise<void>;
  /** Signals the process and, for SIGKILL, waits until it is gone. The supervisor starts it again. */
  kill(name: string, signal: NodeJS.Signals): Promise<void>;
  /** What runs now. */
  processes(): SupervisedProcess[];
  /** All that were started, also while they wait for their restart. */
  names(): { name: string; kind: ProcessKind }[];
  logFileOf(name: string): string;
  /** Nothing more is started. */
  close(): void;
  /** Ends these for good, all at once: each is asked, and killed after the grace. */
  stop(names: readonly string[], graceMs: number): Promise<void>;
};

export type SupervisorOptions = {
  readonly logDir: string;
  readonly onEvent: (event: SupervisorEvent) => void;
  /** Told once per wait that takes longer than 3 s: for whom and why. */
  readonly onSlow?: (line: string) => void;
  /** The set of running processes changed. */
  readonly onChange: () => void;
};

type Entry = {
  readonly plan: SupervisedPlan;
  child: Child | undefined;
  wanted: boolean;
  crashes: number;
  wasReady: boolean;
  startedAt: number;
  restart: NodeJS.Timeout | undefined;
  launching: Promise<void> | undefined;
};

const restartDelaysMs = [0, 500, 1_000, 2_000, 4_000, 5_000];
/** A process that ended more often before it was ever ready will not get ready: whoever waits is told then. */
const crashesAtStart = 3;
const stableAfterMs = 10_000;
const maxLogBytes = 50 * 1024 * 1024;

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const entries = new Map<string, Entry>();
  let closed = false;
  mkdirSync(options.logDir, { recursive: true, mode: 0o755 });

  function logFileOf(name: string): string {
    return join(options.logDir, `${name}.log`);
  }

  async function launch(entry: Entry): Promise<void> {
    const { plan } = entry;
    await plan.prepare?.();
    if (!entry.wanted) return;
    const child = await startChild(plan, logFileOf(plan.name));
    entry.child = child;
    entry.startedAt = performance.now();
    options.onEvent({ type: "started", name: plan.name, pid: child.pid });
    options.onChange();
    void child.exited.then((exit) => onExit(entry, exit));
  }

  function onExit(entry: Entry, exit: ChildExit): void {
    entry.child = undefined;
    options.onChange();
    if (!entry.wanted) {
      options.onEvent({ type: "stopped", name: entry.plan.name });
      return;
    }
    if (performance.now() - entry.startedAt > stableAfterMs) entry.crashes = 0;
    const last = restartDelaysMs.length - 1;
    const restartInMs = restartDelaysMs[Math.min(entry.crashes++, last)] ?? 0;
    options.onEvent({ type: "crashed", name: entry.plan.name, exit, restartInMs });
    entry.restart = setTimeout(() => relaunch(entry), restartInMs);
  }

  function relaunch(entry: Entry): void {
    if (!entry.wanted) return;
    entry.launching = launch(entry).catch(() => onExit(entry, { code: null, signal: null }));
  }

  async function waitReady(name: string, timeoutMs: number): Promise<void> {
    const entry = find(name);
    await awaitReady({
      what: entry.plan.what,
      timeoutMs,
      logFile: logFileOf(name),
      probe: async () => {
        if (entry.child === undefined) throw new Error("the process does not run");
        await entry.plan.probe();
      },
      giveUp: () => hopeless(entry),
      ...(options.onSlow && { onSlow: options.onSlow }),
    });
  }

  function find(name: string): Entry {
    const entry = entries.get(name);
    if (entry) return entry;
    throw new Error(`there is no process named ${name}; there are: ${[...entries.keys()].join(", ")}`);
  }

  async function stopOne(name: string, graceMs: number): Promise<void> {
    const entry = find(name);
    entry.wanted = false;
    clearTimeout(entry.restart);
    await entry.launching;
    await entry.child?.stop(graceMs);
  }

  return {
    logFileOf,
    waitReady,
    async start(plan, timeoutMs) {
      if (closed) throw new Error(`${plan.what}: not started, because the mesh stops`);
      if (entries.has(plan.name)) throw new Error(`a process named ${plan.name} was already started`);
      rotate(logFileOf(plan.name));
      const entry: Entry = {
        plan,
        child: undefined,
        wanted: true,
        crashes: 0,
        wasReady: false,
        startedAt: 0,
        restart: undefined,
        launching: undefined,
      };
      entries.set(plan.name, entry);
      const launched = launch(entry);
      entry.launching = launched.catch(() => undefined);
      await launched;
      await waitReady(plan.name, timeoutMs);
      entry.wasReady = true;
      options.onEvent({ type: "ready", name: plan.name, pid: entry.child?.pid ?? 0 });
    },
    close: () => {
      closed = true;
    },
    async kill(name, signal) {
      const child = find(name).child;
      child?.signal(signal);
      if (signal === "SIGKILL") await child?.exited;
    },
    names: () => [...entries.values()].map(({ plan }) => ({ name: plan.name, kind: plan.kind })),
    processes: () => [...entries.values()].flatMap(running),
    async stop(names, graceMs) {
      await Promise.all(names.filter((name) => entries.has(name)).map((name) => stopOne(name, graceMs)));
    },
  };
}

function hopeless(entry: Entry): string | undefined {
  if (!entry.wanted) return "it was stopped";
  return !entry.wasReady && entry.crashes > crashesAtStart ? `it ended ${entry.crashes} times in a row` : undefined;
}

function running(entry: Entry): SupervisedProcess[] {
  const { plan, child } = entry;
  if (child === undefined) return [];
  const { name, kind, stopSignal = "SIGTERM" } = plan;
  return [{ name, kind, pid: child.pid, mark: child.mark, stopSignal }];
}

/** One old log is kept; a log grows during a run and is looked at when the next one begins. */
function rotate(logFile: string): void {
  if (existsSync(logFile) && statSync(logFile).size > maxLogBytes) renameSync(logFile, `${logFile}.1`);
}
