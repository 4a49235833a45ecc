// One child process in its own process group: Ctrl-C in a terminal reaches only the runner, which then drains its
// children in order. Output goes to a file descriptor, so that a child outlives a killed runner and is found later.
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { processMark } from "@agentmesh/processes";

export type ChildPlan = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** The user it runs as; default the runner's own. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** What asks it to end in order; default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
};

export type ChildExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type Child = {
  readonly name: string;
  readonly pid: number;
  /** With the pid it names this process for good; see processMark. */
  readonly mark: string;
  readonly exited: Promise<ChildExit>;
  hasExited(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Asks it to end, kills it after the grace, returns when it is gone. */
  stop(graceMs: number): Promise<ChildExit>;
};

/** Starts it; rejects when the command cannot be run at all. Appends its output to `logFile`. */
export async function startChild(plan: ChildPlan, logFile: string): Promise<Child> {
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(plan.command, [...plan.args], {
    cwd: plan.cwd ?? "/",
    env: { ...plan.env },
    stdio: ["ignore", log, log],
    detached: true,
    ...plan.user,
  });
  closeSync(log);
  let exit: ChildExit | undefined;
  const exited = new Promise<ChildExit>((resolve) => {
    child.once("exit", (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) => reject(new Error(`${plan.name}: ${plan.command} cannot be run`, { cause })));
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${plan.name}: ${plan.command} has no pid`);

  // A child alone does not keep its parent alive (a test's server outlives the test file); waiting for its end does.
  child.unref();
  async function stop(graceMs: number): Promise<ChildExit> {
    child.ref();
    if (exit === undefined) child.kill(plan.stopSignal ?? "SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
    try {
      return await exited;
    } finally {
      clearTimeout(timer);
    }
  }
  return {
    name: plan.name,
    pid,
    mark: processMark(pid) ?? "",
    exited,
    hasExited: () => exit !== undefined,
    signal: (signal) => {
      child.ref();
      child.kill(signal);
    },
    stop,
  };
}

/** The last lines of a log, for an error message: at most `lines` of the last 16 KiB. */
export function tailOf(logFile: string, lines = 15): string {
  try {
    const text = readFileSync(logFile, "utf8").slice(-16_384);
    return text.trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "";
  }
}
