// A peer's worker in a process of its own, driven over HTTP (see scripts/serve-work.mjs).
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { inFlight } from "../harness/in-flight.ts";
import { numberIn } from "../harness/run-child.ts";
import { folderOf, type InstalledPeer } from "./install.ts";
import type { PeerServers } from "./peer-servers.ts";

const readyWithinMs = 60_000;
const stopWithinMs = 5_000;
const mostSockets = 64;
const maxReplyBytes = 1024 * 1024;

export type PeerWorker = AsyncDisposable & {
  readonly pid: number;
  /**
   * Starts `count` pieces of work, `concurrency` at a time, and waits until as many have ended.
   *
   * @param query of each start, such as `?items=1000`
   * @returns what the last of them gave
   */
  run(work: { count: number; concurrency: number; withinMs: number; query?: string }): Promise<unknown>;
};

/** @param benchmark the folder of scripts/ with the peer's script */
export async function startPeerWorker(
  peer: InstalledPeer,
  benchmark: string,
  servers: PeerServers,
): Promise<PeerWorker> {
  const child = spawn(process.execPath, [peer.script(`${benchmark}/${folderOf(peer)}.mjs`)], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, POSTGRES_URL: servers.postgresUrl, REDIS_URL: servers.redisUrl, NODE_ENV: "production" },
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${peer.name}: its worker could not be started`);
  const port = await readPort(child, peer.name);
  const agent = new Agent({ keepAlive: true, maxSockets: mostSockets + 1 });
  const base = `http://127.0.0.1:${port}`;
  let asked = 0;
  return {
    pid,
    async run({ count, concurrency, withinMs, query = "" }) {
      asked += count;
      const start = async () => void (await ask(`${base}/start${query}`, "POST", agent, withinMs));
      await inFlight(count, Math.min(concurrency, mostSockets), start);
      return JSON.parse(await ask(`${base}/ended?count=${asked}`, "GET", agent, withinMs));
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await stop(child);
    },
  };
}

/** Some have a server of their own to take with them. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timeout = new AbortController();
  await Promise.race([gone, wait(stopWithinMs, undefined, { signal: timeout.signal }).catch(() => undefined)]);
  timeout.abort();
  child.kill("SIGKILL");
  await gone;
}

async function readPort(child: ChildProcess, name: string): Promise<number> {
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2_000);
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), readyWithinMs);
  try {
    if (!child.stdout) throw new Error(`${name}: its worker has no standard output`);
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      // Left to flow: what it prints later is of no interest.
      if (line.startsWith('{"port"')) return numberIn(JSON.parse(line), "port");
    }
    throw new Error(`${name}: its worker ended before it was ready: ${errors.trim()}`);
  } finally {
    clearTimeout(timer);
    child.stdout?.resume();
  }
}

function ask(url: string, method: string, agent: Agent, withinMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, timeout: withinMs }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text = (text + chunk).slice(-maxReplyBytes);
      });
      response.once("end", () =>
        response.statusCode === 200
          ? resolve(text)
          : reject(new Error(`${url} answered ${response.statusCode}: ${text.slice(0, 300)}`)),
      );
    });
    sent.once("timeout", () => sent.destroy(new Error(`${url}: no answer within ${withinMs} ms`)));
    sent.once("error", reject);
    sent.end();
  });
}
