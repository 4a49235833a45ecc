import { describeError } from "@agentmesh/errors";
import { startTracing } from "@agentmesh/telemetry";
import type { MeshConfig } from "./settings.ts";
import { version } from "./version.ts";

/** A started service; whoever started it disposes it. */
export type Running = AsyncDisposable & { readonly port: number; readonly adminPort: number };

// Kubernetes' grace period minus its preStop; what is not done by then is redelivered to a peer.
const DRAIN_BOUND_MS = 25_000;

/**
 * The process edge of a service: configuration, tracing, start, then wait for SIGTERM or SIGINT and drain.
 *
 * Exit codes: 0 drained, 1 failed to start or crashed, 2 drain took longer than its bound.
 */
export async function runService<C extends MeshConfig>(
  start: (config: C) => Promise<Running>,
  loadConfig: () => C,
): Promise<void> {
  const stopped = Promise.withResolvers<NodeJS.Signals>();
  process.once("SIGTERM", stopped.resolve);
  process.once("SIGINT", stopped.resolve);
  try {
    const config = loadConfig();
    const [, name = "service"] = /^start(\w+)/.exec(start.name) ?? [];
    const tracing = await startTracing({
      service: name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase(),
      environment: config.environment,
      version,
      otlpEndpoint: config.tracing.otlpEndpoint,
    });
    const running = await start(config);
    const signal = await stopped.promise;
    process.stdout.write(
      `${JSON.stringify({ level: "info", time: new Date().toISOString(), msg: "draining", signal })}\n`,
    );
    const bound = setTimeout(() => process.exit(2), DRAIN_BOUND_MS);
    await running[Symbol.asyncDispose]();
    await tracing[Symbol.asyncDispose]();
    clearTimeout(bound);
    process.exit(0);
  } catch (error) {
    const line = {
      level: "error",
      time: new Date().toISOString(),
      msg: "service stopped",
      reason: describeError(error),
    };
    process.stderr.write(`${JSON.stringify({ ...line, ...(error instanceof Error && { stack: error.stack }) })}\n`);
    process.exit(1);
  }
}
