import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, freePort, type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { createClient, healthContract } from "@agentmesh/rpc";
import { drain, type MeshConfig } from "../src/index.ts";

let environment: TestEnvironment;

before(async () => {
  environment = await testEnvironment("cost", { postgres: false, redis: false });
});
after(() => environment[Symbol.asyncDispose]());

type Started = {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** Code and signal. */
  readonly exit: Promise<unknown[]>;
};

function start(behaviour: string, changes: { natsUrl?: string; grpcPort?: number; adminPort?: number } = {}): Started {
  const config: MeshConfig = {
    environment: "test",
    listen: { host: "127.0.0.1", grpcPort: changes.grpcPort ?? 0, adminPort: changes.adminPort ?? 0 },
    nats: { url: changes.natsUrl ?? environment.natsUrl },
    workload: { keyFile: environment.workloadKeyFile, trustFile: environment.workloadTrustFile },
    log: { level: "error" },
    tracing: { otlpEndpoint: "" },
  };
  const file = join(import.meta.dirname, "fixture-service.ts");
  const child = spawn(process.execPath, [file, JSON.stringify(config), behaviour], { stdio: "pipe" });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  return { child, out: () => out, err: () => err, exit: once(child, "close") };
}

async function portsOf(started: Started): Promise<{ port: number; adminPort: number }> {
  const line = await eventually(() => started.out().split("\n")[0], { what: "the service to start" });
  return JSON.parse(line);
}

async function get(port: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return `${response.status} ${(await response.text()).trim()}`;
}

test("a service starts, says how it is, and on SIGTERM or SIGINT drains and exits with 0", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const started = start("slow drain");
    const { port, adminPort } = await portsOf(started);
    assert.equal(await get(adminPort, "/healthz"), "200 ok");
    assert.equal(await get(adminPort, "/readyz"), "200 ready");
    assert.match(await get(adminPort, "/metrics"), /process_uptime_seconds\{service="cost"\}/);
    using health = createClient(healthContract, { address: `127.0.0.1:${port}` });
    assert.deepEqual(await health.check({}), { status: "SERVING" });
    started.child.kill(signal);
    await eventually(async () => (await get(adminPort, "/readyz")) === "503 draining", {
      what: "the drain to be seen",
    });
    assert.deepEqual(await started.exit, [0, null]);
    assert.match(started.out(), new RegExp(`"msg":"draining","signal":"${signal}"`));
    assert.equal(started.err(), "");
  }
});

test("SIGTERM during the start ends it at once with 0", async () => {
  const adminPort = await freePort();
  const started = start("plain", { natsUrl: `nats://127.0.0.1:${await freePort()}`, adminPort });
  await eventually(() => get(adminPort, "/healthz"), { what: "the admin port" });
  assert.equal(await get(adminPort, "/readyz"), "503 starting");
  const startedAtMs = performance.now();
  started.child.kill("SIGTERM");
  assert.deepEqual(await started.exit, [0, null]);
  assert.ok(performance.now() - startedAtMs < 1000);
  assert.match(started.out(), /"msg":"stopped during the start"/);
});

test("told to load only, it starts nothing", async () => {
  const loaded = start("--load-only");
  assert.deepEqual(await loaded.exit, [0, null]);
  assert.equal(loaded.out() + loaded.err(), "");
});

test("a start that fails exits with 1 and one line that says why", async () => {
  await using taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  const port = typeof address === "object" && address ? address.port : assert.fail();
  const cases: [Started, RegExp][] = [
    [start("bad config"), /^config is not valid: nats\.url: missing$/],
    [start("plain", { grpcPort: port }), new RegExp(`^cannot listen on 127.0.0.1:${port}: .*free the port`)],
    [start("plain", { adminPort: port }), new RegExp(`^cannot listen on 127.0.0.1:${port}: .*free the port`)],
  ];
  for (const [started, expected] of cases) {
    assert.deepEqual(await started.exit, [1, null], started.err());
    const { time, reason, ...rest } = JSON.parse(started.err());
    assert.deepEqual(rest, { level: "error", msg: "service stopped" });
    assert.match(reason, expected);
    assert.match(time, /^\d{4}-/);
  }
  const defect = start("defect");
  assert.deepEqual(await defect.exit, [1, null]);
  assert.match(JSON.parse(defect.err()).stack, /fixture-service\.ts/);
});

test("a drain beyond its bound exits with 2, one that breaks with 1", async () => {
  for (const [behaviour, code, line] of [
    ["endless drain", 2, /"msg":"drain took too long","boundMs":300/],
    ["broken drain", 1, /"msg":"service stopped","reason":"the drain broke"/],
  ] as const) {
    const started = start(behaviour);
    await portsOf(started);
    started.child.kill("SIGTERM");
    assert.deepEqual(await started.exit, [code, null]);
    assert.match(started.err(), line);
  }
});

test("the drain's bound leaves a moment of what its parts may take", () => {
  assert.ok(drain.boundMs < drain.grpcMs + drain.natsMs && drain.boundMs > drain.grpcMs);
});
