import { AgentRun_State } from "@agentmesh/proto/runner";
import type { Subject } from "../../harness/benchmark.ts";
import { inFlight } from "../../harness/in-flight.ts";
import { meterCpu } from "../../harness/process-figures.ts";
import type { BenchMesh } from "../../mesh/open-mesh.ts";
import { countCalls } from "./count-calls.ts";
import * as load from "./load.ts";

const { agentName: agent, concurrency, inputs } = load;

export function meshSubject(bench: BenchMesh, upstreamUrl: string): Subject {
  return {
    name: "agentmesh",
    what:
      `RunAgentBatch with a concurrency of ${concurrency}; items_per_s, upstream_calls: ${inputs} inputs, of which ` +
      `${load.duplicates} are equal to another and ${load.known} were answered before; distinct_items_per_s, cpu_ms: none is; ` +
      `cost_cut: of ${load.asked} single runs, their questions drawn by Zipf's law from ${load.different}`,
    async measure(repeat) {
      const token = await bench.token();
      const run = (texts: readonly string[]) => runBatch(bench, token, texts);
      const mixed = load.batchOf(repeat);
      await run(mixed.slice(0, load.known));
      let mixedMs = 0;
      const calls = await countCalls(upstreamUrl, async () => {
        mixedMs = await run(mixed);
      });
      const meter = meterCpu(bench.mesh.pids());
      const distinctMs = await run(Array.from({ length: inputs }, (_, at) => load.question("distinct", repeat, at)));
      const cpuMs = Object.values(meter.since()).reduce((sum, ms) => sum + ms, 0);
      const { share, note } = await costCut(bench, token, repeat);
      return {
        figures: [
          { metric: "items_per_s", unit: "1/s", value: (inputs * 1000) / mixedMs },
          { metric: "distinct_items_per_s", unit: "1/s", value: (inputs * 1000) / distinctMs },
          { metric: "cpu_ms", unit: "ms", value: cpuMs / inputs },
          { metric: "upstream_calls", unit: "calls", value: calls },
          { metric: "cost_cut", unit: "share", value: share },
        ],
        notes: [note],
      };
    },
  };
}

/** Milliseconds of a batch whose every input was answered. */
async function runBatch({ runner }: BenchMesh, token: string, texts: readonly string[]): Promise<number> {
  const began = performance.now();
  const { results } = await runner.runAgentBatch(
    { agent, inputs: texts.map((text) => ({ text })), concurrency },
    { token },
  );
  const tookMs = performance.now() - began;
  const failed = results.find(({ run }) => run?.state !== AgentRun_State.SUCCEEDED);
  if (failed) throw new Error(`an input was not answered: ${failed.failure?.message}`);
  if (results.length !== texts.length) throw new Error(`${results.length} results of ${texts.length} inputs`);
  return tookMs;
}

/** Of what the answers would have cost without a cache, the share that the cache's own statistics say was spared. */
async function costCut({ runner, cache }: BenchMesh, token: string, repeat: number) {
  const before = await cache.getCacheStats({}, { token });
  const drawn = load.zipf();
  await inFlight(load.asked, concurrency, async (at) => {
    const text = load.question("repeating", repeat, drawn[at] ?? 0);
    const { state, failure } = await runner.runAgent({ agent, text }, { token });
    if (state !== AgentRun_State.SUCCEEDED) throw new Error(`a run ended as ${state}: ${failure?.message}`);
  });
  const after = await cache.getCacheStats({}, { token });
  const saved = Number(after.savedNanoUsd - before.savedNanoUsd);
  const spent = Number(after.spentNanoUsd - before.spentNanoUsd);
  const distinct = new Set(drawn).size;
  return {
    share: saved / (saved + spent),
    note:
      `${load.asked} runs with ${distinct} different questions: $${(saved / 1e9).toFixed(4)} saved, ` +
      `$${(spent / 1e9).toFixed(4)} spent; ${after.coalesced - before.coalesced} waited for an answer under way`,
  };
}
