import type { Benchmark } from "../../harness/benchmark.ts";
import { connectNats } from "../../mesh/connect-nats.ts";
import { openBenchMesh } from "../../mesh/open-mesh.ts";
import { limitSubject } from "./limit-subject.ts";
import { meshSubject } from "./mesh-subject.ts";
import { startWitness } from "./witness.ts";

export const trigger: Benchmark = {
  name: "trigger",
  summary: "milliseconds from a published event to its first step running, and events accepted a second",
  async open({ log, profileDir, signal }) {
    await using stack = new AsyncDisposableStack();
    const witness = stack.use(await startWitness());
    const { resources } = witness;
    const env = { HTTP_TOOLS_ALLOW_PRIVATE_NETWORKS: "true" };
    const bench = stack.use(await openBenchMesh({ name: "trigger", log, signal, profileDir, resources, env }));
    const outside = await connectNats(bench.mesh.publisherUrl);
    stack.defer(() => outside.close());
    const inside = await connectNats(bench.mesh.natsUrl);
    stack.defer(() => inside.close());
    const opened = stack.move();
    return {
      subjects: [meshSubject(bench, { outside, inside, witness }), limitSubject(inside)],
      servers: bench.versions,
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};
