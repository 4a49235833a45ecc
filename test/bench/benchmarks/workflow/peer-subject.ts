import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";
import type { Subject } from "../../harness/benchmark.ts";
import { inFlight } from "../../harness/in-flight.ts";
import { numberIn } from "../../harness/run-child.ts";
import { folderOf, type InstalledPeer } from "../../peers/install.ts";
import { concurrency, endWithinMs, warmUpWorkflows, workflows } from "./load.ts";
import { measuredRun } from "./measured-run.ts";

const readyWithinMs = 60_000;

export type PeerServers = {
  /** A database of the peer's own. */
  readonly postgresUrl: string;
  readonly redisUrl: string;
  /** Of the servers it uses, by name. */
  readonly pids: Readonly<Record<string, number>>;
};

const descriptions: Readonly<Record<string, string>> = {
  "@dbos-inc/dbos-sdk": "a workflow of three steps, on the same PostgreSQL",
  "graphile-worker": "three jobs, each adding the next, on the same PostgreSQL",
  bullmq: "three jobs, each adding the next, on the same Redis (nothing on disk)",
};

/** One repeat is a worker process of its own, warmed up, driven over HTTP as the mesh is over gRPC. */
export function peerSubject(peer: InstalledPeer, servers: PeerServers): Subject {
  return {
    name: peer.name,
    what: `${peer.version}: ${descriptions[peer.name] ?? "three steps"}`,
    async measure() {
      await using worker = await startWorker(peer, servers);
      await worker.run(warmUpWorkflows);
      return await measuredRun(() => worker.run(workflows), { worker: worker.pid, ...servers.pids });
    },
  };
}

type PeerWorker = AsyncDisposable & { readonly pid: number; run(count: number): Promise<void> };

async function startWorker(peer: InstalledPeer, servers: PeerServers): Promise<PeerWorker> {
  const child = spawn(process.execPath, [peer.script(`workflow/${folderOf(peer)}.mjs`)], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, POSTGRES_URL: servers.postgresUrl, REDIS_URL: servers.redisUrl, NODE_ENV: "production" },
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${peer.name}: its worker could not be started`);
  const port = await readPort(child, peer.name);
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency + 1 });
  const base = `http://127.0.0.1:${port}`;
  let asked = 0;
  return {
    pid,
    async run(count) {
      asked += count;
      await inFlight(count, concurrency, () => ask(`${base}/start`, "POST", agent));
      await ask(`${base}/ended?count=${asked}`, "GET", agent);
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
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

function ask(url: string, method: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, timeout: endWithinMs }, (response) => {
      response.resume();
      response.once("end", () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`${url} answered ${response.statusCode}`)),
      );
    });
    sent.once("timeout", () => sent.destroy(new Error(`${url}: no answer within ${endWithinMs} ms`)));
    sent.once("error", reject);
    sent.end();
  });
}
