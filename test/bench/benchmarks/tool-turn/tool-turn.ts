import { fileURLToPath } from "node:url";
import type { Benchmark, Measured, Subject } from "../../harness/benchmark.ts";
import { numberIn, runChild } from "../../harness/run-child.ts";
import { turnPeers } from "../../peers/catalog.ts";
import { folderOf, type InstalledPeer } from "../../peers/install.ts";
import { startUpstream } from "./start-upstream.ts";

const runs = 20_000;
/** Clients are slow enough with these. */
const peerRuns = 4_000;
const inFlight = 64;
const childWithinMs = 120_000;

const ours = fileURLToPath(new URL("./run-agentmesh.ts", import.meta.url));
const bareUndici = fileURLToPath(new URL("./run-undici.ts", import.meta.url));

export const toolTurn: Benchmark = {
  name: "tool-turn",
  summary: `runs a second and CPU of a run: two model calls over HTTP and a tool between, ${inFlight} in flight`,
  async open({ peers, installer }) {
    const installed = peers ? await installer.install(turnPeers) : [];
    const upstream = await startUpstream();
    return {
      subjects: [
        subject("agentmesh", "the runner's own loop and provider client, arguments and replies checked", ours, runs),
        subject("limit", "undici alone: two requests and JSON.parse, nothing checked", bareUndici, runs),
        ...installed.map(peerSubject),
      ],
      [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
    };

    function peerSubject(peer: InstalledPeer): Subject {
      const what = `${peer.version}: the same two calls and the same tool, as its documentation writes it`;
      return subject(peer.name, what, peer.script(`turn/${folderOf(peer)}.mjs`), peerRuns);
    }

    function subject(name: string, what: string, script: string, count: number): Subject {
      return { name, what, measure: () => measure(script, count, upstream.url) };
    }
  },
};

async function measure(script: string, count: number, url: string): Promise<Measured> {
  const printed = await runChild({ script, args: [String(count), String(inFlight), url], withinMs: childWithinMs });
  return {
    figures: [
      { metric: "runs_per_s", unit: "1/s", value: numberIn(printed, "runsPerS") },
      { metric: "cpu_ms", unit: "ms", value: numberIn(printed, "cpuMs") },
    ],
  };
}
