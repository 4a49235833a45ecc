// Publishers of a mesh on this machine: where they are kept, and how its nats-server hears of a change while it runs.
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isSameProcess, withFileLock } from "@agentmesh/processes";
import { stepsTo } from "./change-publishers.ts";
import type { Publisher } from "./publisher.ts";
import { readPublishers, writePublishers } from "./registry.ts";

/** publishers.yaml of the mesh that keeps its data there. */
export function publishersFileOf(root: string): string {
  return join(root, "nats", "publishers.yaml");
}

const lockWithinMs = 10_000;

/** A running nats-server, where publishers connect. */
export type NatsServer = { readonly url: string };

/** The nats-server that reads this file: one of a mesh that runs on this machine; undefined when none does. */
export function findNats(file: string): NatsServer | undefined {
  const root = rootOf(file);
  return natsOf(root) && { url: `nats://127.0.0.1:${portOf(root)}` };
}

function rootOf(file: string): string {
  return dirname(dirname(file));
}

type NatsProcess = { readonly name: string; readonly pid: number; readonly mark: string };

/** What `npm start` writes down of a mesh that runs: its processes in run.json, its ports in state.json. */
function natsOf(root: string): NatsProcess | undefined {
  const run: { processes?: readonly NatsProcess[] } = readJson(join(root, "run.json")) ?? {};
  const server = run.processes?.find(({ name }) => name === "nats");
  return server && isSameProcess(server.pid, server.mark) ? server : undefined;
}

function portOf(root: string): number {
  const state: { ports?: { nats?: number } } = readJson(join(root, "state.json")) ?? {};
  return state.ports?.nats ?? 4222;
}

function readJson(file: string): object | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    // There is none, or it is just being written.
    return undefined;
  }
}

/**
 * Changes publishers.yaml and publishers.conf, one change at a time, and has the mesh's nats-server read them, where the
 * file belongs to a mesh that runs here. `server` is the one that did.
 *
 * @throws Error when that server refuses the new configuration, or does not say within 5 s that it has read it
 */
export async function changePublishers<T>(
  file: string,
  change: (before: Publisher[]) => { publishers: readonly Publisher[]; result: T },
): Promise<{ result: T; server: NatsServer | undefined }> {
  return await withFileLock(`${file}.lock`, lockWithinMs, async () => {
    const before = readPublishers(file);
    const { publishers, result } = change(before);
    const root = rootOf(file);
    const steps = natsOf(root) ? stepsTo(before, publishers) : [publishers];
    for (const step of steps) {
      writePublishers(file, step);
      await reloadNats(root);
    }
    return { result, server: findNats(file) };
  });
}

const reloadWithinMs = 5_000;
const reloadedLine = "Reloaded server configuration";
const refusedLine = /Failed to reload server configuration.*/;

/** Its log is where nats-server says whether it took the files over. */
async function reloadNats(root: string): Promise<void> {
  const server = natsOf(root);
  if (server === undefined) return;
  const log = join(root, "logs", "nats.log");
  const from = existsSync(log) ? statSync(log).size : 0;
  process.kill(server.pid, "SIGHUP");
  const deadline = performance.now() + reloadWithinMs;
  while (performance.now() < deadline) {
    const said = readFrom(log, from);
    const refused = refusedLine.exec(said);
    if (refused) throw new Error(`nats-server goes on as it was: ${refused[0]}`);
    if (said.includes(reloadedLine)) return;
    await delay(10);
  }
  throw new Error(
    `nats-server (process ${server.pid}) did not say within ${reloadWithinMs} ms that it reloaded: ${log}`,
  );
}

const maxSaidBytes = 64 * 1024;

function readFrom(file: string, position: number): string {
  if (!existsSync(file)) return "";
  const opened = openSync(file, "r");
  try {
    const buffer = Buffer.alloc(maxSaidBytes);
    return buffer.toString("utf8", 0, readSync(opened, buffer, 0, maxSaidBytes, position));
  } finally {
    closeSync(opened);
  }
}
