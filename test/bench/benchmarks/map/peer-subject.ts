import type { Subject } from "../../harness/benchmark.ts";
import { numberIn } from "../../harness/run-child.ts";
import type { InstalledPeer } from "../../peers/install.ts";
import type { PeerServers } from "../../peers/peer-servers.ts";
import { type PeerWorker, startPeerWorker } from "../../peers/start-worker.ts";
import { type Load, sumOf } from "./load.ts";
import { measuredMaps } from "./measured-maps.ts";

const descriptions: Readonly<Record<string, string>> = {
  "@dbos-inc/dbos-sdk": "a workflow that enqueues a child for each item and awaits all, on the same PostgreSQL",
  "graphile-worker": "a job an item; each writes its result and counts down, the last adds the job that sums up",
  bullmq: "a flow: items under batches of a hundred under one, on the same Redis (nothing on disk)",
};

/** One repeat is a worker process of its own, warmed up, driven over HTTP; rss_mb is that worker's. */
export function peerSubject(peer: InstalledPeer, servers: PeerServers, load: Load): Subject {
  return {
    name: peer.name,
    what: `${peer.version}: ${descriptions[peer.name] ?? "a map"}; rss_mb is its worker's`,
    async measure() {
      await using worker = await startPeerWorker(peer, "map", servers);
      await oneMap(peer.name, worker, load.warmUpItems, load.withinMs);
      const pids = { worker: worker.pid, ...servers.pids };
      const run = () => oneMap(peer.name, worker, load.items, load.withinMs);
      return await measuredMaps(load, run, { pids, keeper: worker.pid });
    },
  };
}

/** Each item was done once, and what the join gave is the sum of all. */
async function oneMap(name: string, worker: PeerWorker, items: number, withinMs: number): Promise<void> {
  const given = await worker.run({ count: 1, concurrency: 1, withinMs, query: `?items=${items}` });
  const sum = numberIn(given, "sum");
  const done = numberIn(given, "done");
  if (sum === sumOf(items) && done === items) return;
  throw new Error(`${name} did ${done} of ${items} items, which sum up to ${sum} instead of ${sumOf(items)}`);
}
