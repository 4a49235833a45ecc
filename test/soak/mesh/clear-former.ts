import { readFileSync } from "node:fs";
import { join } from "node:path";
import { removeMeshData } from "@agentmesh/local/remove-data";
import { isSameProcess } from "@agentmesh/processes";

/** Where a mesh says whose it is. It stays: whoever starts the next one ends by it what a killed soak left behind. */
const runFile = "run.json";

/** Removes what an earlier soak left. @throws Error where it still runs */
export async function clearFormer(root: string): Promise<void> {
  const runner = readRunner(root);
  if (runner && isSameProcess(runner.pid, runner.mark)) {
    throw new Error(`a soak already runs on ${root} (process ${runner.pid}): wait for its end, or end it with Ctrl-C`);
  }
  await removeMeshData(root, runner ? [runFile] : []);
}

function readRunner(root: string): { readonly pid: number; readonly mark: string } | undefined {
  try {
    const { runner }: { runner: { pid: number; mark: string } } = JSON.parse(readFileSync(join(root, runFile), "utf8"));
    return runner;
  } catch {
    return undefined;
  }
}
