import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { removeFormerMesh } from "@agentmesh/local/remove-data";
import { readArguments } from "./arguments.ts";
import { renderResult } from "./report.ts";
import { runChaos } from "./run-chaos.ts";

const root = join(fileURLToPath(new URL("../../../.agentmesh/chaos/", import.meta.url)), "mesh");

try {
  const given = readArguments(process.argv.slice(2));
  const abort = new AbortController();
  const stop = () => abort.abort(new Error("interrupted"));
  process.on("SIGINT", stop).on("SIGTERM", stop);
  await removeFormerMesh(root);
  const log = (line: string) => process.stderr.write(`chaos: ${line}\n`);
  const result = await runChaos({ ...given, root, log, signal: abort.signal });
  process.stdout.write(`\n${renderResult(given, result)}\n`);
  process.exitCode = result.problems.length === 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
