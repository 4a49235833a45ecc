import type { Benchmark, Subject } from "../../harness/benchmark.ts";
import { connectNats } from "../../mesh/connect-nats.ts";
import { openBenchMesh } from "../../mesh/open-mesh.ts";
import { mapPeers } from "../../peers/catalog.ts";
import { openPeerServers } from "../../peers/peer-servers.ts";
import { loadOf } from "./load.ts";
import { meshSubject } from "./mesh-subject.ts";
import { peerSubject } from "./peer-subject.ts";

export const map: Benchmark = {
  name: "map",
  summary: "items a second, CPU of one, rows and memory: one map over many items, reduced level by level",
  async open({ peers, items, profileDir, installer, log, signal }) {
    const installed = peers ? await installer.install(mapPeers) : [];
    const load = loadOf(items);
    await using stack = new AsyncDisposableStack();
    const bench = stack.use(await openBenchMesh({ name: "map", log, signal, profileDir }));
    const nats = await connectNats(bench.mesh.natsUrl);
    stack.defer(() => nats.close());
    const subjects: Subject[] = [meshSubject(bench, nats, load)];
    for (const peer of installed) subjects.push(peerSubject(peer, await openPeerServers(peer, bench), load));
    const opened = stack.move();
    return { subjects, servers: bench.versions, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  },
};
