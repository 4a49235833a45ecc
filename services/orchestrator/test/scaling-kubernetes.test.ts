import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openCluster } from "../src/scaling/cluster.ts";
import { openKubernetesApi } from "../src/scaling/kubernetes/open-api.ts";
import { readQuantity } from "../src/scaling/kubernetes/read-usage.ts";
import { readScale, setReplicas } from "../src/scaling/kubernetes/scale.ts";
import { type Fault, startKubernetes } from "./scaling-api.fixture.ts";
import { makeCertificate } from "./scaling-certificate.fixture.ts";

const forever = new AbortController().signal;
const DEPLOYMENT = { replicas: 4, version: 7, cpu: "250m", memory: "64Mi" };

async function start(timeoutMs?: number) {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startKubernetes(timeoutMs));
  server.deployments.set("agent-runner", { ...DEPLOYMENT });
  const api = stack.use((await openKubernetesApi(server.settings, forever)) ?? assert.fail("no cluster"));
  const puts = () => server.calls.filter((call) => call.startsWith("PUT")).length;
  const gets = () => server.calls.filter((call) => call.startsWith("GET")).length;
  const replicas = () => server.deployments.get("agent-runner")?.replicas;
  const opened = stack.move();
  return { server, api, puts, gets, replicas, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

test("replicas are set through the Scale, with the version that was read", async () => {
  await using world = await start();
  assert.equal(await setReplicas(world.api, "agent-runner", 4, 6), "applied");
  assert.equal(world.replicas(), 6);
  const path = "/apis/apps/v1/namespaces/agentmesh/deployments/agent-runner/scale";
  assert.deepEqual(world.server.calls, [`GET ${path}`, `PUT ${path}`]);
});

test("a zero, which the server leaves out, is read as one", async () => {
  await using world = await start();
  world.server.deployments.set("agent-runner", { ...DEPLOYMENT, replicas: 0 });
  assert.equal((await readScale(world.api, "agent-runner")).spec.replicas, 0);
});

test("a conflict because pods came or went is read anew; another's change is respected", async () => {
  await using world = await start();
  const deployment = world.server.deployments.get("agent-runner") ?? assert.fail();
  let others = 2;
  world.server.beforePut = () => {
    if (others-- > 0) deployment.version++;
  };
  assert.equal(await setReplicas(world.api, "agent-runner", 4, 6), "applied");
  assert.equal(world.puts(), 3);
  world.server.beforePut = () => {
    deployment.version++;
    deployment.replicas = 11;
  };
  assert.equal(await setReplicas(world.api, "agent-runner", 6, 8), "changed-by-another");
  assert.equal(world.replicas(), 11);
});

test("a conflict that never ends is given up after 4 tries", async () => {
  await using world = await start();
  const deployment = world.server.deployments.get("agent-runner") ?? assert.fail();
  world.server.beforePut = () => void deployment.version++;
  await assert.rejects(setReplicas(world.api, "agent-runner", 4, 6), { code: "CONFLICT" });
  assert.deepEqual([world.puts(), world.replicas()], [4, 4]);
});

const recovers: readonly [string, "GET" | "PUT", Fault][] = [
  ["409", "PUT", { status: 409 }],
  ["410", "PUT", { status: 410 }],
  ["429 on reading", "GET", { status: 429, retryAfterS: 1 }],
  ["429 on writing", "PUT", { status: 429, retryAfterS: 1 }],
  ["500", "PUT", { status: 500 }],
  ["503", "GET", { status: 503 }],
  ["a connection cut before the change", "PUT", { cut: "before" }],
  ["a connection cut after the change", "PUT", { cut: "after" }],
  ["an answer cut in its middle", "GET", { cut: "in-the-body" }],
  ["an answer cut in its middle, after the change", "PUT", { cut: "in-the-body" }],
];

for (const [name, method, fault] of recovers) {
  test(`recovers from ${name}, and changes once`, async () => {
    await using world = await start();
    const before = performance.now();
    world.server.fail(method, fault);
    assert.equal(await setReplicas(world.api, "agent-runner", 4, 6), "applied");
    assert.equal(world.replicas(), 6);
    assert.equal(world.server.deployments.get("agent-runner")?.version, DEPLOYMENT.version + 1);
    if ("retryAfterS" in fault) assert.ok(performance.now() - before >= fault.retryAfterS * 1000 - 5);
  });
}

test("what no retry mends is said at once, with what the server said", async () => {
  await using world = await start();
  const refused = [
    [401, "UNAUTHENTICATED"],
    [403, "PERMISSION_DENIED"],
    [404, "NOT_FOUND"],
  ] as const;
  for (const [status, code] of refused) {
    world.server.fail("GET", { status });
    await assert.rejects(readScale(world.api, "agent-runner"), {
      code,
      message: new RegExp(`GET .*/scale: ${status}`),
    });
  }
  assert.equal(world.gets(), 3);
  world.server.fail("GET", { status: 429, retryAfterS: 60 });
  await assert.rejects(readScale(world.api, "agent-runner"), { code: "RESOURCE_EXHAUSTED", retryAfterMs: 60_000 });
  assert.equal(world.gets(), 4, "a server that asks for a minute is not waited for");
});

test("a server that never answers is given up within its deadlines", async () => {
  await using world = await start(100);
  for (let call = 0; call < 3; call++) world.server.fail("GET", { slow: true });
  await assert.rejects(readScale(world.api, "agent-runner"), { code: "DEADLINE_EXCEEDED", message: /100 ms/ });
  assert.equal(world.gets(), 3);
});

test("a token that the kubelet replaced is used from then on", async () => {
  await using world = await start();
  await readScale(world.api, "agent-runner");
  await world.server.rotateToken();
  await readScale(world.api, "agent-runner");
});

test("a server whose certificate another signed gets no token", async () => {
  await using server = await startKubernetes();
  await writeFile(join(server.settings.accountDir, "ca.crt"), makeCertificate(Date.now()).cert);
  await using api = (await openKubernetesApi(server.settings, forever)) ?? assert.fail("no cluster");
  await assert.rejects(readScale(api, "agent-runner"), { code: "UNAVAILABLE" });
  assert.deepEqual(server.calls, []);
});

test("without a host or an account there is no cluster", async () => {
  await using server = await startKubernetes();
  assert.equal(await openCluster({ ...server.settings, host: "" }, forever), undefined);
  assert.equal(await openCluster({ ...server.settings, accountDir: "/nowhere" }, forever), undefined);
});

test("a cluster is seen: replicas, usage of the service's own container, and who owns the replicas", async () => {
  await using server = await startKubernetes();
  server.deployments.set("agent-runner", { ...DEPLOYMENT });
  await using cluster = (await openCluster(server.settings, forever)) ?? assert.fail("no cluster");
  const view = () => cluster.view("agent-runner");
  assert.deepEqual(await view(), { replicas: 4, autoscaler: undefined, usage: { cpuPercent: 50, memoryPercent: 25 } });
  server.autoscaled.hpa = ["gateway"];
  server.autoscaled.keda = undefined;
  assert.equal((await view()).autoscaler, undefined, "another's, and a cluster without KEDA");
  server.autoscaled.keda = ["agent-runner"];
  assert.equal((await view()).autoscaler, "ScaledObject/agent-runner-scaler");
  server.autoscaled.hpa = ["agent-runner"];
  assert.equal((await view()).autoscaler, "HorizontalPodAutoscaler/agent-runner-scaler");
});

test("quantities are read as Kubernetes writes them", () => {
  const quantities = ["250m", "12345678n", "1500u", "2", "64Mi", "1Gi", "128k", "1e3"].map(readQuantity);
  assert.deepEqual(
    quantities.map((value) => Math.round(value * 1e9) / 1e9),
    [0.25, 0.012345678, 0.0015, 2, 67108864, 1073741824, 128000, 1000],
  );
  assert.throws(() => readQuantity("much"), /"much" is no quantity/);
});
