import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connectBus } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { AgentHealthChanged, ProviderHealthChanged } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { Running } from "@agentmesh/service";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { answers, completes, never, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// What probes find is seen in readiness, in metrics, and as one event a change, however many replicas look.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let upstream: ScriptedUpstream;
let second: Running;
let token: string;
const heard: string[] = [];

const MODEL = "openai/gpt-4.1-mini";
const fast = { model: MODEL, limits: { turns: 1, timeoutMs: 20_000, retries: 0 }, cache: { mode: "off" } };

before(async () => {
  stack = new AsyncDisposableStack();
  upstream = stack.use(await startUpstream());
  mesh = await startTestMesh(stack, {
    cache: false,
    runner: {
      models: { providers: { openai: { apiKey: "k", baseUrl: `${upstream.origin}/v1` } }, retryDelayMs: 10 },
      pool: { places: 1, queue: 5 },
      health: { everyMs: 50, timeoutMs: 1_000, failures: 3 },
    },
  });
  second = stack.use(await mesh.startRunner());
  token = await mesh.callers.token({ permissions: everything });
  const url = mesh.environment.natsUrl;
  const log = createLogger({ service: "alerting", environment: "test", version: "0", level: "error" });
  const bus = stack.use(await connectBus({ url, service: "alerting", log, metrics: createMetrics({}) }));
  bus.nc.subscribe("evt.*.agent-runner.*.health.changed.>", {
    callback(_error, { subject, data }) {
      const [, tenant, , kind] = subject.split(".");
      const { healthy, reason } = (kind === "agent" ? AgentHealthChanged : ProviderHealthChanged).decode(data);
      heard.push(`${tenant} ${kind} ${subject.split(".").at(-1)} ${healthy ? "healthy" : reason}`);
    },
  });
  await bus.nc.flush();
});

after(() => stack.disposeAsync());

async function admin(path: string, port = mesh.running.adminPort): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}

function hears(line: string): Promise<unknown> {
  return eventually(() => heard.includes(line), { what: `${line}; heard ${heard.join(", ")}` });
}

test("a provider that goes and comes back is one event each way to the tenants that use it, and the service stays ready", async () => {
  upstream.play(completes("fine"));
  const spec = { instructions: "answer", ...fast };
  const others = await mesh.callers.token({ permissions: everything, tenant: "globex" });
  const none = await mesh.callers.token({ permissions: everything, tenant: "initech" });
  await mesh.runner.applyResource({ kind: "Agent", name: "single", spec }, { token });
  await mesh.runner.applyResource({ kind: "Agent", name: "idle", spec }, { token: others });
  const offline = { ...spec, model: "embedded/lexical-1" };
  await mesh.runner.applyResource({ kind: "Agent", name: "offline", spec: offline }, { token: none });
  assert.equal((await mesh.runner.runAgent({ agent: "single", text: "hi" }, { token })).text, "fine");
  await mesh.runner.runAgent({ agent: "offline", text: "hi" }, { token: none });
  const other = await mesh.callers.client(runnerContract, second.port);
  assert.equal((await other.runAgent({ agent: "single", text: "hi" }, { token })).text, "fine");
  upstream.play(answers(503, {}));
  await hears("acme provider openai PROVIDER_UNAVAILABLE");
  await hears("globex provider openai PROVIDER_UNAVAILABLE");
  await hears("acme agent single NO_MODEL");
  await eventually(async () => (await admin("/readyz", second.adminPort)).text.includes("single: unhealthy"), {
    what: "the other replica to see it too",
  });
  const ready = await admin("/readyz");
  assert.equal(ready.status, 200);
  assert.match(ready.text, /^ready\n(.*\n)*agents: 1 of 2 healthy\nagent acme\/single: unhealthy \(none of its models/);
  const { text } = await admin("/metrics");
  assert.match(text, /agentmesh_provider_healthy\{provider="openai"[^}]*\} 0/);
  assert.match(text, /agentmesh_agent_healthy\{tenant="acme",agent="single"[^}]*\} 0/);
  assert.match(text, /agentmesh_agent_healthy\{tenant="initech",agent="offline"[^}]*\} 1/);
  upstream.play(completes("back"));
  for (const line of ["acme provider openai", "globex provider openai", "acme agent single"]) {
    await hears(`${line} healthy`);
  }
  assert.equal(new Set(heard).size, heard.length, `told twice: ${heard.join(", ")}`);
  assert.equal(heard.length, 6);
});

test("an agent whose runs wait while none ends is not well, and is again when they do", async () => {
  heard.length = 0;
  await mesh.runner.applyResource({ kind: "Agent", name: "stuck", spec: { instructions: "x", ...fast } }, { token });
  const runner = await mesh.callers.client(runnerContract, mesh.running.port);
  const stop = new AbortController();
  upstream.play((response, asked) => (asked.path.endsWith("completions") ? never : completes("x"))(response, asked));
  const runs = [1, 2].map((n) =>
    runner.runAgent({ agent: "stuck", text: `${n}` }, { token, signal: stop.signal }).catch(() => undefined),
  );
  await hears("acme agent stuck POOL_STUCK");
  upstream.play(completes("done"));
  stop.abort();
  await Promise.all(runs);
  await hears("acme agent stuck healthy");
});
