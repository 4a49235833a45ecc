import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { removeMeshData } from "@agentmesh/local/remove-data";
import { readArguments } from "./arguments.ts";
import { renderResult } from "./report.ts";
import { runChaos } from "./run-chaos.ts";

const root = join(fileURLToPath(new URL("../../../.agentmesh/chaos/", import.meta.url)), "mesh");

try {
  const given = readArguments(process.argv.slice(2));
  await removeMeshData(root);
  const result = await runChaos({ ...given, root, log: (line) => process.stderr.write(`chaos: ${line}\n`) });
  process.stdout.write(`\n${renderResult(given, result)}\n`);
  process.exitCode = result.problems.length === 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
