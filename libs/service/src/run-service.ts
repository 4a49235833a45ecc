import { describeError, isAppError } from "@agentmesh/errors";
import { startTracing } from "@agentmesh/telemetry";
import { drain } from "./drain.ts";
import type { MeshConfig } from "./settings.ts";
import { version } from "./version.ts";

/** A started service; whoever started it disposes it. */
export type Running = AsyncDisposable & { readonly port: number; readonly adminPort: number };

export type RunOptions = {
  /** What is not drained by then is redelivered to a peer, in milliseconds. Default `drain.boundMs`. */
  readonly drainBoundMs?: number;
};

/**
 * The process edge of a service: configuration, tracing, start, then wait for SIGTERM or SIGINT and drain. A signal
 * during the start ends it at once: nothing is served yet, and what was begun is rolled back by its server.
 *
 * With the argument `--load-only` it returns at once: by then everything is imported, which fills Node's compile cache.
 *
 * Exit codes: 0 drained or not yet started, 1 failed to start or crashed, 2 drain took longer than its bound.
 */
export async function runService<C extends MeshConfig>(
  start: (config: C) => Promise<Running>,
  loadConfig: () => C,
  options: RunOptions = {},
): Promise<void> {
  if (process.argv.includes("--load-only")) return;
  const { drainBoundMs = drain.boundMs } = options;
  const stopped = Promise.withResolvers<NodeJS.Signals>();
  process.once("SIGTERM", stopped.resolve);
  process.once("SIGINT", stopped.resolve);
  try {
    const running = await Promise.race([open(start, loadConfig), stopped.promise]);
    if (typeof running === "string") {
      write(process.stdout, "info", "stopped during the start", { signal: running });
      process.exit(0);
    }
    write(process.stdout, "info", "draining", { signal: await stopped.promise });
    setTimeout(() => {
      write(process.stderr, "error", "drain took too long", { boundMs: drainBoundMs });
      process.exit(2);
    }, drainBoundMs);
    await running[Symbol.asyncDispose]();
    process.exit(0);
  } catch (error) {
    // A failure that says what to do needs no stack; a defect does.
    const stack = error instanceof Error && !isAppError(error) ? { stack: error.stack } : {};
    write(process.stderr, "error", "service stopped", { reason: describeError(error), ...stack });
    process.exit(1);
  }
}

async function open<C extends MeshConfig>(
  start: (config: C) => Promise<Running>,
  loadConfig: () => C,
): Promise<AsyncDisposable> {
  const config = loadConfig();
  const [, name = "service"] = /^start(\w+)/.exec(start.name) ?? [];
  const opened = new AsyncDisposableStack();
  opened.use(
    await startTracing({
      service: name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase(),
      environment: config.environment,
      version,
      otlpEndpoint: config.tracing.otlpEndpoint,
    }),
  );
  opened.use(await start(config));
  return opened;
}

function write(stream: NodeJS.WriteStream, level: "info" | "error", msg: string, fields: object): void {
  stream.write(`${JSON.stringify({ level, time: new Date().toISOString(), msg, ...fields })}\n`);
}
