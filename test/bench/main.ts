import { resolve } from "node:path";
import { type Arguments, readArguments, usage } from "./arguments.ts";
import { agentCreate } from "./benchmarks/agent-create/agent-create.ts";
import { authz } from "./benchmarks/authz/authz.ts";
import { batch } from "./benchmarks/batch/batch.ts";
import { cache } from "./benchmarks/cache/cache.ts";
import { gateway } from "./benchmarks/gateway/gateway.ts";
import { limits } from "./benchmarks/limits/limits.ts";
import { login } from "./benchmarks/login/login.ts";
import { map } from "./benchmarks/map/map.ts";
import { rpc } from "./benchmarks/rpc/rpc.ts";
import { start } from "./benchmarks/start/start.ts";
import { toolTurn } from "./benchmarks/tool-turn/tool-turn.ts";
import { trigger } from "./benchmarks/trigger/trigger.ts";
import { workflow } from "./benchmarks/workflow/workflow.ts";
import type { Benchmark } from "./harness/benchmark.ts";
import { describeMachine } from "./harness/machine.ts";
import { measure } from "./harness/measure.ts";
import { renderJson, renderTables } from "./harness/report.ts";
import { peersRoot } from "./mesh/bench-root.ts";
import { createInstaller } from "./peers/install.ts";

const benchmarks: readonly Benchmark[] = [
  start,
  agentCreate,
  toolTurn,
  workflow,
  map,
  trigger,
  rpc,
  cache,
  batch,
  gateway,
  limits,
  authz,
  login,
];

try {
  process.exitCode = await main(readArguments(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function main(options: Arguments): Promise<number> {
  if (options.list) {
    for (const { name, summary } of benchmarks) process.stdout.write(`${name.padEnd(14)} ${summary}\n`);
    return 0;
  }
  const chosen = options.names.includes("all") ? benchmarks : options.names.map(find);
  if (chosen.length === 0) throw new Error(usage);
  let failed = false;
  for (const benchmark of chosen) failed = (await run(benchmark, options)) || failed;
  return failed ? 1 : 0;
}

function find(name: string): Benchmark {
  const benchmark = benchmarks.find((candidate) => candidate.name === name);
  if (benchmark) return benchmark;
  throw new Error(
    `there is no benchmark ${JSON.stringify(name)}; there are: ${benchmarks.map((each) => each.name).join(", ")}`,
  );
}

/** @returns whether a subject failed */
async function run(benchmark: Benchmark, options: Arguments): Promise<boolean> {
  const log = (line: string) => process.stderr.write(`${benchmark.name}: ${line}\n`);
  // Before we load it ourselves.
  const machine = describeMachine();
  const { peers, stored, items, orchestrators, profileDir, repeats } = options;
  using interrupt = onInterrupt();
  await using open = await benchmark.open({
    peers,
    stored,
    items,
    orchestrators,
    profileDir: profileDir === undefined ? undefined : resolve(profileDir),
    installer: createInstaller(peersRoot, log),
    signal: interrupt.signal,
    log,
  });
  const outcome = await measure(open.subjects, repeats, interrupt.signal, log);
  const on = [machine, ...describeServers(open.servers ?? {})];
  if (options.json) {
    process.stdout.write(renderJson(benchmark.name, outcome));
    for (const line of on) log(line);
  } else {
    process.stdout.write(`\n${benchmark.name}\n${on.join("\n")}\n\n${renderTables(outcome, open.subjects)}\n`);
  }
  return outcome.failures.size > 0;
}

function describeServers(servers: Readonly<Record<string, string>>): string[] {
  const texts = Object.entries(servers).map(([name, version]) => `${name} ${version}`);
  return texts.length > 0 ? [texts.join(", ")] : [];
}

/** The first signal ends the benchmark, and what was set up is taken down; a second one ends this process. */
function onInterrupt(): Disposable & { readonly signal: AbortSignal } {
  const abort = new AbortController();
  const stop = () => abort.abort(new Error("interrupted"));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  return {
    signal: abort.signal,
    [Symbol.dispose]: () => void process.off("SIGINT", stop).off("SIGTERM", stop),
  };
}
