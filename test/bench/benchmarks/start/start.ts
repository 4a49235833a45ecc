import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "@agentmesh/harness";
import { type RunningMesh, startMesh } from "@agentmesh/local";
import { removeMeshData } from "@agentmesh/local/remove-data";
import pg from "pg";
import type { Benchmark, Figure, Measured, Subject } from "../../harness/benchmark.ts";
import { hasProcFs, residentMbOf } from "../../harness/process-figures.ts";
import { benchRoot } from "../../mesh/bench-root.ts";
import { serverVersions } from "../../mesh/server-versions.ts";
import { awaitAnswer } from "./await-answer.ts";

/** After everything is ready, until memory is looked at: what loads lazily has loaded, the first garbage is gone. */
const settleMs = 5_000;
const readyWithinMs = 30_000;
const bareNode = fileURLToPath(new URL("./bare-node.mjs", import.meta.url));

export const start: Benchmark = {
  name: "start",
  summary: "seconds until the whole mesh is ready, milliseconds until one service is, and its memory at rest",
  async open({ log, signal }) {
    const root = join(benchRoot, "start");
    await removeMeshData(root);
    log("a first start, which creates data and fills the compile cache");
    const servers = await firstStart(root, log, signal);
    return {
      subjects: [meshSubject(root, signal), limit],
      servers,
      [Symbol.asyncDispose]: () => removeMeshData(root, ["logs"]),
    };
  },
};

async function firstStart(
  root: string,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  await using mesh = await startMesh({ root, log, signal });
  const sql = new pg.Pool({ connectionString: mesh.postgresAdminUrl, max: 1 });
  const versions = await serverVersions(mesh, sql);
  await sql.end();
  return versions;
}

function meshSubject(root: string, signal: AbortSignal): Subject {
  return {
    name: "agentmesh",
    what:
      "ready_s: warm start of three servers and eight services; service_ready_ms: the slowest service, alone, from " +
      `spawn to /readyz; idle_rss_mb: the largest service, VmRSS ${settleMs / 1000} s after all were ready`,
    async measure() {
      await using mesh = await startMesh({ root, quiet: true, signal });
      await wait(settleMs);
      const rss = hasProcFs ? residentOf(mesh) : [];
      const ready = await readyTimes(mesh);
      return {
        figures: [
          { metric: "ready_s", unit: "s", value: mesh.readyInMs / 1000 },
          { metric: "service_ready_ms", unit: "ms", value: Math.max(...ready.map(({ value }) => value)) },
          ...largest(rss),
        ],
        notes: [`ready, ms: ${listed(ready)}`, `VmRSS, MB: ${listed(rss)}`],
      };
    },
  };
}

type Named = { readonly name: string; readonly value: number };

function residentOf(mesh: RunningMesh): Named[] {
  const pids = mesh.pids();
  return mesh.services.map(({ name }) => ({ name, value: residentMbOf(pids[name] ?? 0) }));
}

function largest(values: readonly Named[]): Figure[] {
  if (values.length === 0) return [];
  return [{ metric: "idle_rss_mb", unit: "MB", value: Math.max(...values.map(({ value }) => value)) }];
}

/** Each is killed in turn while the others rest: its supervisor spawns it again at once. */
async function readyTimes(mesh: RunningMesh): Promise<Named[]> {
  const times: Named[] = [];
  for (const { name, adminUrl } of mesh.services) {
    await mesh.kill(name);
    const began = performance.now();
    await awaitAnswer(`${adminUrl}/readyz`, readyWithinMs);
    times.push({ name, value: performance.now() - began });
  }
  return times;
}

function listed(values: readonly Named[]): string {
  return values
    .toSorted((a, b) => b.value - a.value)
    .map(({ name, value }) => `${name} ${Math.round(value)}`)
    .join(", ");
}

const limit: Subject = {
  name: "limit",
  what: "a bare Node process that answers HTTP",
  async measure(): Promise<Measured> {
    const port = await freePort();
    const began = performance.now();
    const child = spawn(process.execPath, [bareNode, String(port)], { stdio: "ignore" });
    try {
      await awaitAnswer(`http://127.0.0.1:${port}/`, readyWithinMs);
      const readyMs = performance.now() - began;
      await wait(1_000);
      const rss = hasProcFs ? largest([{ name: "node", value: residentMbOf(child.pid ?? 0) }]) : [];
      return { figures: [{ metric: "service_ready_ms", unit: "ms", value: readyMs }, ...rss] };
    } finally {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  },
};
