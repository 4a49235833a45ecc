// A service of the tests, run as a process: `node fixture-service.ts <config as JSON> <behaviour>`.
import { setTimeout as wait } from "node:timers/promises";
import { AppError } from "@agentmesh/errors";
import { serve } from "@agentmesh/rpc";
import { type MeshConfig, openFoundation, type Running, runService } from "../src/index.ts";

const [, , given = "", behaviour = "plain"] = process.argv;

async function startCost(config: MeshConfig): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await openFoundation(config, "cost"));
  const server = stack.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [],
      trust: { workload: base.workload, tokens: base.tokens },
      log: base.log,
      metrics: base.metrics,
    }),
  );
  stack.defer(async () => {
    if (behaviour === "slow drain") await wait(1_000);
    if (behaviour === "endless drain") await new Promise(() => {});
    if (behaviour === "broken drain") throw new Error("the drain broke");
  });
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  process.stdout.write(`${JSON.stringify({ port: server.port, adminPort: base.admin.port })}\n`);
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function load(): MeshConfig {
  if (behaviour === "bad config") throw new AppError("INVALID_ARGUMENT", "config is not valid: nats.url: missing");
  if (behaviour === "defect") throw new TypeError("cannot read x of undefined");
  return JSON.parse(given);
}

await runService(startCost, load, { drainBoundMs: behaviour === "endless drain" ? 300 : 20_000 });
