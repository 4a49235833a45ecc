// .agentmesh/run.json says which processes belong to the running mesh, so that `npm stop` in another terminal, and the next
// start after a killed runner, find them. Pids are matched with start times: nothing else is ever signalled.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isSameProcess } from "@agentmesh/processes";
import type { SupervisedProcess } from "./supervisor.ts";

export type RunRecord = {
  readonly runner: { readonly pid: number; readonly mark: string };
  readonly startedAt: string;
  readonly httpUrl: string;
  readonly gatewayAddress: string;
  readonly processes: readonly SupervisedProcess[];
};

export function runFileOf(root: string): string {
  return join(root, "run.json");
}

export function readRun(root: string): RunRecord | undefined {
  try {
    const record: RunRecord = JSON.parse(readFileSync(runFileOf(root), "utf8"));
    return record;
  } catch {
    return undefined;
  }
}

export function writeRun(root: string, record: RunRecord): void {
  writeAtomically(runFileOf(root), JSON.stringify(record, undefined, 2));
}

export function removeRun(root: string): void {
  rmSync(runFileOf(root), { force: true });
}

/** Whether the runner that wrote the record still lives. */
export function isRunning(record: RunRecord): boolean {
  return isSameProcess(record.runner.pid, record.runner.mark);
}

/** Ends what a killed runner left: services first, so that they drain, then the servers. */
export async function stopLeftovers(record: RunRecord, graceMs: number): Promise<string[]> {
  const left = record.processes.filter((entry) => isSameProcess(entry.pid, entry.mark));
  for (const kind of ["service", "server"]) {
    await Promise.all(left.filter((entry) => entry.kind === kind).map((entry) => stopProcess(entry, graceMs)));
  }
  return left.map((entry) => entry.name);
}

/** Signals a process that is not our child and waits until it is gone; kills it after the grace. */
export async function stopProcess(
  target: { readonly pid: number; readonly mark: string; readonly stopSignal: NodeJS.Signals },
  graceMs: number,
): Promise<void> {
  const deadline = performance.now() + graceMs;
  let killed = false;
  signal(target.pid, target.stopSignal);
  while (isSameProcess(target.pid, target.mark)) {
    if (!killed && performance.now() > deadline) {
      signal(target.pid, "SIGKILL");
      killed = true;
    }
    await delay(25);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone between the look and the signal.
  }
}

/** A reader never sees half a file. */
export function writeAtomically(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
}
