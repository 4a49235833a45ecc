import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** What a figure was measured on. `load` is what ran besides: figures of a busy machine are worth less. */
export function describeMachine(): string {
  const [load = 0] = loadavg();
  const model = cpus()[0]?.model ?? "unknown processor";
  return (
    `node ${process.version} on ${process.platform} ${process.arch}, ${availableParallelism()} cores (${model}), ` +
    `${Math.round(totalmem() / 1024 ** 3)} GiB, load before the start ${load.toFixed(1)}`
  );
}
