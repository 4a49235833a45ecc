import { fileURLToPath } from "node:url";
import type { Benchmark, Subject } from "../../harness/benchmark.ts";
import { numberIn, runChild } from "../../harness/run-child.ts";
import { openBenchMesh } from "../../mesh/open-mesh.ts";
import { turnPeers } from "../../peers/catalog.ts";
import { folderOf, type InstalledPeer } from "../../peers/install.ts";
import { startUpstream } from "../tool-turn/start-upstream.ts";
import { limitSubject } from "./limit-subject.ts";
import { concurrency, inputs } from "./load.ts";
import { meshSubject } from "./mesh-subject.ts";

const upstreamScript = fileURLToPath(new URL("./serve-slow.ts", import.meta.url));
const childWithinMs = 60_000;
const peers = turnPeers.filter(({ name }) => name === "openai");

export const batch: Benchmark = {
  name: "batch",
  summary: `inputs a second of a batch of ${inputs}, what the upstream is asked for it, and what a cache spares`,
  async open({ peers: withPeers, installer, log, signal }) {
    const installed = withPeers ? await installer.install(peers) : [];
    await using stack = new AsyncDisposableStack();
    const upstream = stack.use(await startUpstream(upstreamScript));
    const env = { OPENAI_API_KEY: "sk-bench", OPENAI_BASE_URL: upstream.url, OPENAI_MODEL: "gpt-4.1-mini" };
    const bench = stack.use(await openBenchMesh({ name: "batch", log, signal, env }));
    const opened = stack.move();
    return {
      subjects: [
        meshSubject(bench, upstream.url),
        limitSubject(upstream.url),
        ...installed.map((peer) => peerSubject(peer, upstream.url)),
      ],
      servers: bench.versions,
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

function peerSubject(peer: InstalledPeer, upstreamUrl: string): Subject {
  return {
    name: peer.name,
    what: `${peer.version}: the same loop as the limit, over its client`,
    async measure() {
      const args = [String(inputs), String(concurrency), upstreamUrl];
      const printed = await runChild({
        script: peer.script(`batch/${folderOf(peer)}.mjs`),
        args,
        withinMs: childWithinMs,
      });
      const value = numberIn(printed, "itemsPerS");
      return {
        figures: [
          { metric: "items_per_s", unit: "1/s", value },
          { metric: "distinct_items_per_s", unit: "1/s", value },
          { metric: "upstream_calls", unit: "calls", value: inputs },
        ],
      };
    },
  };
}
