import { dataRoot } from "../checkout.ts";
import { drainWithinMs } from "../mesh/prepare.ts";
import { isRunning, readRun, removeRun, stopLeftovers, stopProcess } from "../processes/run-file.ts";
import { stopTestPostgres } from "../test-postgres.ts";

/** Gateway, services and servers, one after the other, each within its bound, and a little more. */
const runnerGraceMs = 4 * drainWithinMs;

/** Ends the mesh of this checkout wherever it was started, and the tests' PostgreSQL. */
export async function stop(): Promise<number> {
  await stopTestPostgres();
  const record = readRun(dataRoot);
  if (!record) {
    console.log("the mesh does not run");
    return 0;
  }
  if (isRunning(record)) {
    console.log(`draining the mesh (process ${record.runner.pid})`);
    await stopProcess({ ...record.runner, stopSignal: "SIGTERM" }, runnerGraceMs);
  }
  // The runner takes its children along; these are those of a runner that was killed.
  const left = await stopLeftovers(readRun(dataRoot) ?? { ...record, processes: [] }, drainWithinMs);
  if (left.length > 0) console.log(`stopped what a killed runner left behind: ${left.join(", ")}`);
  removeRun(dataRoot);
  console.log("stopped");
  return 0;
}
