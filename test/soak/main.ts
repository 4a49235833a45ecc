import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Arguments, readArguments } from "./arguments.ts";
import { onInterrupt } from "./on-interrupt.ts";
import { renderProgress, renderResult, toJson } from "./report.ts";
import { runSoak } from "./run-soak.ts";

const dataRoot = fileURLToPath(new URL("../../.agentmesh/soak/", import.meta.url));
const mostWindowMs = 30_000;
/** A short run has points enough for a trend. */
const fewestWindows = 20;

try {
  process.exitCode = await main(readArguments(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function main({ minutes, ratePerS, seed, json }: Arguments): Promise<number> {
  const forMs = minutes * 60_000;
  const windowMs = Math.min(mostWindowMs, forMs / fewestWindows);
  const log = (line: string) => process.stderr.write(`soak: ${line}\n`);
  // The load ends then, and what was seen until then is judged.
  using interrupt = onInterrupt();
  const result = await runSoak({
    root: join(dataRoot, "mesh"),
    kept: ["logs"],
    forMs,
    ratePerS,
    seed,
    windowMs,
    sampleMs: Math.min(3_000, windowMs / 3),
    log,
    onWindow(window, tally) {
      log(renderProgress(window, tally.total()));
      if (!json) return;
      const services = Object.fromEntries(window.services);
      process.stdout.write(`${JSON.stringify({ ...window, services, requests: tally.total() })}\n`);
    },
    signal: interrupt.signal,
  });
  process.stdout.write(json ? `${JSON.stringify(toJson(result))}\n` : `\n${renderResult(result)}\n`);
  return result.problems.length === 0 ? 0 : 1;
}
