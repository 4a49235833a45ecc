import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isSameProcess, processMark } from "./process-identity.ts";

/**
 * Runs `work` while no other process holds the lock. A lock whose holder is dead is taken over.
 *
 * @param waitWithinMs how long to wait for a holder that lives
 */
export async function withFileLock<T>(path: string, waitWithinMs: number, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const deadline = performance.now() + waitWithinMs;
  while (!tryTake(path)) {
    const holder = readHolder(path);
    if (holder !== undefined && !isSameProcess(holder.pid, holder.mark)) {
      rmSync(path, { force: true });
      continue;
    }
    if (performance.now() > deadline) {
      throw new Error(`${path} is held by process ${holder?.pid ?? "?"} for more than ${waitWithinMs} ms`);
    }
    await delay(50);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryTake(path: string): boolean {
  try {
    writeFileSync(path, JSON.stringify({ pid: process.pid, mark: processMark(process.pid) }), { flag: "wx" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function readHolder(path: string): { pid: number; mark: string } | undefined {
  try {
    const holder: { pid: number; mark: string } = JSON.parse(readFileSync(path, "utf8"));
    return holder;
  } catch {
    // Just being written, or just removed.
    return undefined;
  }
}
