import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "@agentmesh/harness";
import { type TestMesh, testMesh } from "./mesh.fixture.ts";
import { type Receiver, startReceiver } from "./receiver.fixture.ts";

let stack: AsyncDisposableStack;
let mesh: TestMesh;
let receiver: Receiver;

before(async () => {
  stack = new AsyncDisposableStack();
  mesh = stack.use(await testMesh());
  receiver = stack.use(await startReceiver());
});

after(() => stack.disposeAsync());

const failing = {
  metric: "agent_error_rate",
  op: "above",
  threshold: 0.1,
  severity: "error",
  groupBy: "agent",
  summary: "Runs fail",
};

async function declare(client: Awaited<ReturnType<TestMesh["start"]>>["client"], tenant: string): Promise<void> {
  const token = await mesh.operator(tenant);
  await client.applyResource({ kind: "AlertRule", name: "agent-errors", spec: failing }, { token });
  const spec = { type: "webhook", url: receiver.url };
  await client.applyResource({ kind: "Channel", name: "hook", spec }, { token });
}

function sentOf(tenant: string): { key: string; type: string }[] {
  return receiver.deliveries
    .map(({ key, body }) => ({ key, ...JSON.parse(body) }))
    .filter((each) => each.tenant === tenant);
}

test("an active alert outlives a restart: it is not told again, and its end is", async () => {
  {
    await using first = await mesh.start();
    await declare(first.client, "calm");
    await mesh.runs("calm", "a", { bad: 1 });
    await eventually(() => sentOf("calm").length === 1, { what: "the notification" });
  }
  await mesh.runs("calm", "b", { bad: 1 });
  await using second = await mesh.start();
  await eventually(() => sentOf("calm").length === 2, { what: "the alert that began while it was down" });
  const token = await mesh.operator("calm");
  const { alerts } = await second.client.listAlerts({}, { token });
  assert.equal(alerts.length, 2);
  await mesh.runs("calm", "a", { good: 20 });
  await mesh.runs("calm", "b", { good: 20 });
  await eventually(() => sentOf("calm").length === 4, { what: "both ends" });
  assert.equal(new Set(sentOf("calm").map(({ key }) => key)).size, 4);
});

test("a replica killed while a send is under way: the next sends it once more under the same key", async () => {
  {
    await using first = await mesh.start();
    await declare(first.client, "killed");
  }
  // The first request is never answered: its sender dies waiting.
  receiver.answer = () => undefined;
  const child = spawn(process.execPath, [fileURLToPath(new URL("../src/main.ts", import.meta.url))], {
    env: {
      AGENTMESH_ENVIRONMENT: "test",
      LISTEN_HOST: "127.0.0.1",
      GRPC_PORT: "0",
      ADMIN_PORT: "0",
      LOG_LEVEL: "error",
      NATS_URL: mesh.environment.natsUrl,
      POSTGRES_URL: mesh.environment.postgresUrl,
      WORKLOAD_KEY_FILE: mesh.environment.workloadKeyFile,
      WORKLOAD_TRUST_FILE: mesh.environment.workloadTrustFile,
      EVALUATE_EVERY_MS: "100",
      EVALUATION_LEASE_MS: "1000",
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const exited = once(child, "exit");
  await mesh.runs("killed", "a", { bad: 1 });
  await eventually(() => sentOf("killed").length === 1, { what: "the send that is never answered", timeoutMs: 20_000 });
  child.kill("SIGKILL");
  await exited;
  receiver.answer = (response) => response.end();

  await using heir = await mesh.start();
  await eventually(() => sentOf("killed").length === 2, { what: "the send of the next replica" });
  await mesh.runs("killed", "a", { good: 20 });
  await eventually(() => sentOf("killed").length === 3, { what: "the end" });
  const sent = sentOf("killed");
  assert.deepEqual(
    sent.map(({ type }) => type),
    ["alert.active", "alert.active", "alert.resolved"],
  );
  assert.equal(sent[0]?.key, sent[1]?.key);
  const token = await mesh.operator("killed");
  assert.equal((await heir.client.listAlerts({}, { token })).alerts.length, 1);
});

test("a replica that leaves gives the lease back: the other goes on at once and nothing is sent twice", async () => {
  const older = await mesh.start();
  await using newer = await mesh.start();
  await declare(newer.client, "handover");
  await mesh.runs("handover", "a", { bad: 1 });
  await eventually(() => sentOf("handover").length === 1, { what: "the notification" });
  await older[Symbol.asyncDispose]();
  await mesh.runs("handover", "b", { bad: 1 });
  await eventually(() => sentOf("handover").length === 2, { what: "the notification of the other" });
  assert.equal(new Set(sentOf("handover").map(({ key }) => key)).size, 2);
});
