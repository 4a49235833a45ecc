// The server is a process of its own, a child of this one: what it uses counts. It calls this process for each workflow.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { serve, service } from "@restatedev/restate-sdk";
import { serveWork, step } from "../serve-work.mjs";

const readyWithinMs = 30_000;
const { resolve } = createRequire(createRequire(import.meta.url).resolve("@restatedev/restate-server/package.json"));
// Not by way of its launcher, which would have to be ended too.
const binary = resolve(`@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`);
const dir = mkdtempSync(join(tmpdir(), "bench-restate-"));
const env = { ...process.env, RESTATE_DISABLE_TELEMETRY: "true", RESTATE_LOG_FILTER: "off" };
const server = spawn(binary, ["--base-dir", dir, "--listen-mode", "unix", "--no-logo"], { stdio: "ignore", env });
process.once("exit", () => {
  server.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});
process.once("SIGTERM", () => process.exit());

const ended = new Set();
async function three(context, input) {
  const first = await context.run("first", () => step(input));
  const second = await context.run("second", () => step(first));
  const third = await context.run("third", () => step(second));
  // A handler that is run again replays; its invocation ended once.
  if (!ended.has(context.request().id.toString())) {
    ended.add(context.request().id.toString());
    work.oneEnded();
  }
  return third;
}
const port = await serve({ services: [service({ name: "bench", handlers: { three } })], port: 0 });

const agent = new Agent({ keepAlive: true, maxSockets: 128 });
function ask(socket, path, body) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const headers = { "content-type": "application/json" };
  const sent = request({ socketPath: join(dir, "vm", socket), method: "POST", path, headers, agent }, (response) => {
    response.resume();
    const good = response.statusCode < 300;
    response.once("end", () => (good ? resolve() : reject(new Error(`${path} answered ${response.statusCode}`))));
  });
  sent.once("error", reject);
  sent.end(JSON.stringify(body));
  return promise;
}

async function register() {
  for (const until = performance.now() + readyWithinMs; ; await wait(200)) {
    try {
      return await ask("admin.sock", "/deployments", { uri: `http://127.0.0.1:${port}` });
    } catch (error) {
      if (performance.now() > until) throw error;
    }
  }
}
await Promise.race([
  register(),
  once(server, "exit").then(([code]) => Promise.reject(new Error(`restate-server ended with code ${code}`))),
]);

// Answered once the server holds the invocation durably.
const work = serveWork({
  start: () => ask("ingress.sock", "/bench/three/send", { ticket: "T-1", text: "three steps" }),
});
