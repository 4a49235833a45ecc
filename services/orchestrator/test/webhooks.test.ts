import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { publishSnapshots } from "@agentmesh/bus";
import { type Mesh, startMesh } from "./mesh.fixture.ts";

let mesh: Mesh;
let folder: string;
const stack = new AsyncDisposableStack();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "agentmesh-hooks-"));
  stack.defer(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "acme.shop"), "old secret\nnew secret\n");
  await writeFile(join(folder, "acme.empty"), "\n");
  mesh = stack.use(await startMesh({ secretsDir: folder }));
  const value = { tenant: "acme", name: "desk", version: 1, labels: {}, spec: {} };
  const rows = async () => [{ key: "acme.desk", version: 1, value }];
  stack.use(await publishSnapshots(mesh.bus, "resource_serviceaccount", rows));
  await mesh.apply("Workflow", "order", {
    input: { type: "object", required: ["order"], properties: { order: { type: "integer" } } },
    steps: [{ id: "tell", kind: "emit", event: { type: "order.seen" } }],
    output: "$.input",
  });
  const hook = (secret: string) => ({
    webhook: { signature: { scheme: "github" }, secret },
    workflow: "order",
    runAs: "desk",
    maxBytes: 1000,
  });
  await mesh.apply("Trigger", "shop", hook("shop"));
  await mesh.apply("Trigger", "empty", hook("empty"));
  await mesh.apply("Trigger", "lost", hook("nowhere"));
  await mesh.apply("Trigger", "bus", { event: { type: "a.b", publisher: "x" }, workflow: "order", runAs: "desk" });
});
after(() => stack.disposeAsync());

type Sent = { id?: string; body: string; secret?: string; trigger?: string; tenant?: string; replica?: number };

async function send({ id = "d-1", body, secret = "new secret", trigger = "shop", tenant = "acme", replica = 0 }: Sent) {
  const client = await mesh.client(replica);
  const headers = {
    "x-github-delivery": id,
    "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    "content-type": "application/json",
  };
  return client.receiveWebhook({ tenant, trigger, headers, body: Buffer.from(body) });
}

test("a signed request starts a run; delivered again, also to another replica at once, it is the same run", async () => {
  const body = '{"order": 7}';
  const replies = await Promise.all([0, 1, 0, 1].map((replica) => send({ id: "same", body, replica })));
  assert.equal(new Set(replies.map((reply) => reply.runId)).size, 1);
  assert.equal(replies.filter((reply) => !reply.duplicate).length, 1);
  const run = await mesh.run(replies[0]?.runId ?? "");
  assert.deepEqual([run.subject, run.input, run.origin], ["svc:desk", { order: 7 }, "trigger:shop:same"]);
  const rotated = await send({ id: "rotated", body, secret: "old secret" });
  assert.notEqual(rotated.runId, run.id, "both secrets of a rotation count");
});

test("who has no secret learns nothing: a wrong one, no trigger, another kind of trigger, all are one answer", async () => {
  const body = '{"order": 7}';
  const cases: Sent[] = [
    { body, secret: "guess" },
    { body, secret: "" },
    { body, trigger: "nope" },
    { body, tenant: "other" },
    { body, trigger: "bus" },
    { body, trigger: "empty", secret: "" },
    { body, trigger: "lost", secret: "" },
    { body, trigger: "../shop" },
    { body, tenant: "acme.shop", trigger: "" },
  ];
  const messages = new Set<string>();
  for (const [index, sent] of cases.entries()) {
    await assert.rejects(
      send({ ...sent, id: `wrong-${index}` }),
      (error: Error & { code?: string; reason?: string }) => {
        messages.add(`${error.code} ${error.reason} ${error.message}`);
        return true;
      },
    );
  }
  assert.equal(messages.size, 1, [...messages].join("\n"));
  assert.match([...messages].join(), /UNAUTHENTICATED BAD_SIGNATURE/);
});

test("what a genuine sender gets wrong is said, and kept once as a rejection", async () => {
  await assert.rejects(send({ id: "bad-1", body: '{"order": "seven"}' }), { reason: "INVALID_INPUT" });
  await assert.rejects(send({ id: "bad-1", body: '{"order": "seven"}' }), { reason: "INVALID_INPUT" });
  await assert.rejects(send({ id: "bad-2", body: "not json" }), { reason: "BAD_JSON" });
  await assert.rejects(send({ id: "bad-3", body: JSON.stringify({ order: 1, pad: "x".repeat(2000) }) }), {
    reason: "TOO_LARGE",
  });
  const client = await mesh.client();
  const { rejections } = await client.listRejections({}, { token: mesh.token });
  const mine = rejections.filter((one) => one.trigger === "shop").map((one) => `${one.eventId} ${one.code}`);
  assert.deepEqual(mine.sort(), ["bad-1 INVALID_INPUT", "bad-2 BAD_JSON", "bad-3 TOO_LARGE"]);
});
