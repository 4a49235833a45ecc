import type { Benchmark, BenchOptions, Subject } from "../../harness/benchmark.ts";
import { connectNats } from "../../mesh/connect-nats.ts";
import { type BenchMesh, openBenchMesh } from "../../mesh/open-mesh.ts";
import { workflowPeers } from "../../peers/catalog.ts";
import { openPeerServers } from "../../peers/peer-servers.ts";
import { meshSubject } from "./mesh-subject.ts";
import { peerSubject } from "./peer-subject.ts";
import { storeFinishedRuns } from "./stored-runs.ts";

export const workflow: Benchmark = {
  name: "workflow",
  summary: "workflows a second and CPU of one: three durable, fenced steps through separate processes",
  async open(options) {
    const installed = options.peers ? await options.installer.install(workflowPeers) : [];
    await using stack = new AsyncDisposableStack();
    const { bench, subject } = await openMesh(options, 1, stack);
    const subjects: Subject[] = [subject];
    // A mesh of its own beside the other, so that both are measured in turn.
    if (options.orchestrators > 1) subjects.push((await openMesh(options, options.orchestrators, stack)).subject);
    for (const peer of installed) subjects.push(peerSubject(peer, await openPeerServers(peer, bench)));
    const opened = stack.move();
    return { subjects, servers: bench.versions, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  },
};

async function openMesh(
  { stored, profileDir, log, signal }: BenchOptions,
  orchestrators: number,
  stack: AsyncDisposableStack,
): Promise<{ bench: BenchMesh; subject: Subject }> {
  const name = orchestrators > 1 ? `workflow-${orchestrators}` : "workflow";
  const bench = stack.use(
    await openBenchMesh({ name, log, signal, profileDir, replicas: { orchestrator: orchestrators } }),
  );
  if (stored > 0) await storeFinishedRuns(bench.sql, bench.mesh.tenant, stored, log);
  const nats = await connectNats(bench.mesh.natsUrl);
  stack.defer(() => nats.close());
  return { bench, subject: meshSubject(bench, nats, { stored, orchestrators }) };
}
