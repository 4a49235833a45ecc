import type { RunningMesh } from "../mesh/running-mesh.ts";
import { startMesh } from "../start-mesh.ts";
import { loadExample } from "./example.ts";
import { readStartOptions, type StartOptions } from "./start-options.ts";
import { renderWelcome } from "./welcome.ts";

/** A terminal, npm and the bootstrap each pass one Ctrl-C on: what comes this soon after the first is the same one. */
const sameSignalMs = 1_500;

/** What a shell answers for a command that Ctrl-C ended. */
const interrupted = 130;

/** `npm start`: brings the mesh up, applies the example, and runs until it is told to stop. */
export async function start(args: readonly string[]): Promise<number> {
  const options = readStartOptions(args);
  // With --json standard output holds the outcome and nothing else.
  const log = options.once ? (line: string) => void process.stderr.write(`${line}\n`) : console.log;
  const stop = stopSignal(log);
  // Nothing else keeps the process alive when every server came as a URL.
  const keepAlive = setInterval(() => undefined, 60_000);
  let running = false;
  try {
    await using mesh = await startMesh({ replicas: options.replicas, log, signal: stop });
    running = true;
    if (options.once) return await Promise.race([runExample(mesh, options, log), aborted(stop)]);
    await applyExample(mesh, log);
    console.log(renderWelcome(mesh));
    await aborted(stop);
    log("draining (once more: stop at once)");
    return 0;
  } catch (error) {
    if (!stop.aborted) throw error;
    return interrupted;
  } finally {
    clearInterval(keepAlive);
    if (running || stop.aborted) log("stopped");
  }
}

async function applyExample(mesh: RunningMesh, log: (line: string) => void): Promise<void> {
  const example = await loadExample();
  if (!example) return log("examples/support is not in this checkout: nothing was applied");
  await example.applyExample(mesh);
  log("examples/support is applied");
}

async function runExample(mesh: RunningMesh, options: StartOptions, log: (line: string) => void): Promise<number> {
  const example = await loadExample();
  if (!example) throw new Error("examples/support is not in this checkout: there is nothing to run once");
  if (mesh.publisherUrl === "") {
    throw new Error(
      "the example publishes as acme.helpdesk with a password, and that is revoked (`npm run reset` begins anew); with NATS_URL from outside, set NATS_PUBLISHER_URL",
    );
  }
  log(`ready in ${(mesh.readyInMs / 1000).toFixed(1)} s`);
  return await example.runOnce({ ...mesh, json: options.json, tickets: options.tickets });
}

/** Aborts at the first signal. A second one, when it is not an echo of the first, ends the process at once. */
function stopSignal(log: (line: string) => void): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const onSignal = () => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      controller.abort();
    } else if (now - firstAt > sameSignalMs) {
      log("stopping at once; what is left is ended by `npm stop` or the next start");
      process.exit(interrupted);
    }
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onSignal);
  return controller.signal;
}

function aborted(signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(interrupted);
    signal.addEventListener("abort", () => resolve(interrupted), { once: true });
  });
}
