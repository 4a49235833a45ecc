import type { Subject } from "../../harness/benchmark.ts";
import type { InstalledPeer } from "../../peers/install.ts";
import type { PeerServers } from "../../peers/peer-servers.ts";
import { startPeerWorker } from "../../peers/start-worker.ts";
import { concurrency, endWithinMs, warmUpWorkflows, workflows } from "./load.ts";
import { measuredRun } from "./measured-run.ts";

const descriptions: Readonly<Record<string, string>> = {
  "@dbos-inc/dbos-sdk": "a workflow of three steps, on the same PostgreSQL",
  "graphile-worker": "three jobs, each adding the next, on the same PostgreSQL",
  bullmq: "three jobs, each adding the next, on the same Redis (nothing on disk)",
  "@restatedev/restate-server": "a handler of three steps, on a server of its own (a child of the worker, on disk)",
};

/** One repeat is a worker process of its own, warmed up, driven over HTTP as the mesh is over gRPC. */
export function peerSubject(peer: InstalledPeer, servers: PeerServers): Subject {
  const bounds = { concurrency, withinMs: endWithinMs };
  return {
    name: peer.name,
    what: `${peer.version}: ${descriptions[peer.name] ?? "three steps"}`,
    async measure() {
      await using worker = await startPeerWorker(peer, "workflow", servers);
      await worker.run({ count: warmUpWorkflows, ...bounds });
      const run = async () => void (await worker.run({ count: workflows, ...bounds }));
      return await measuredRun(run, { worker: worker.pid, ...servers.pids });
    },
  };
}
