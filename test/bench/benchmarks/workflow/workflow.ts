import type { Benchmark } from "../../harness/benchmark.ts";
import { connectNats } from "../../mesh/connect-nats.ts";
import { type BenchMesh, openBenchMesh } from "../../mesh/open-mesh.ts";
import { workflowPeers } from "../../peers/catalog.ts";
import { folderOf, type InstalledPeer } from "../../peers/install.ts";
import { meshSubject } from "./mesh-subject.ts";
import { peerSubject } from "./peer-subject.ts";
import { storeFinishedRuns } from "./stored-runs.ts";

export const workflow: Benchmark = {
  name: "workflow",
  summary: "workflows a second and CPU of one: three durable, fenced steps through separate processes",
  async open({ peers, stored, profileDir, installer, log, signal }) {
    const installed = peers ? await installer.install(workflowPeers) : [];
    await using stack = new AsyncDisposableStack();
    const bench = stack.use(await openBenchMesh({ name: "workflow", log, signal, profileDir }));
    if (stored > 0) await storeFinishedRuns(bench.sql, bench.mesh.tenant, stored, log);
    const nats = await connectNats(bench.mesh.natsUrl);
    stack.defer(() => nats.close());
    const subjects = [meshSubject(bench, nats, stored)];
    for (const peer of installed) subjects.push(await preparePeer(peer, bench));
    const opened = stack.move();
    return { subjects, servers: bench.versions, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  },
};

async function preparePeer(peer: InstalledPeer, bench: BenchMesh) {
  const { mesh, sql } = bench;
  const database = `bench_${folderOf(peer).replaceAll("-", "_")}`;
  await sql.query(`CREATE DATABASE ${database}`);
  const url = new URL(mesh.postgresAdminUrl);
  url.pathname = `/${database}`;
  const { postgres, redis } = mesh.pids();
  const used = peer.name === "bullmq" ? { redis } : { postgres };
  const pids = Object.fromEntries(
    Object.entries(used).flatMap(([name, pid]) => (pid === undefined ? [] : [[name, pid]])),
  );
  return peerSubject(peer, { postgresUrl: url.href, redisUrl: mesh.redisUrl, pids });
}
