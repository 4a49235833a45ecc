import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { EVENTS_STREAM, eventSubject } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import { eventually } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { complianceContract } from "@agentmesh/proto/compliance.contract";
import { requestRefusedEvent } from "@agentmesh/proto/gateway.contract";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
before(async () => {
  edge = await startEdge();
});
after(() => edge[Symbol.asyncDispose]());

const spool = () => join(edge.environment.dir, "spool");

function me(requestId: string, headers = asAdmin()) {
  return edge.http("/v1/auth/me", { headers: { ...headers, "x-request-id": requestId } });
}

function entriesOf(requestId: string) {
  return edge.fleet.audited.filter((entry) => entry.requestId === requestId);
}

test("every request has one entry before its reply: who, what, with which outcome, and what of it", async () => {
  await me("r-ok");
  const [entry, ...others] = entriesOf("r-ok");
  assert.equal(others.length, 0);
  assert.equal(entry?.tenant, "acme");
  assert.equal(entry?.subject, "user:test");
  assert.equal(entry?.action, "/agentmesh.auth.v1.AuthService/WhoAmI");
  assert.equal(entry?.outcome, "succeeded");
  assert.equal(entry?.service, "gateway");
  assert.match(entry?.replyHash ?? "", /^[0-9a-f]{64}$/);
});

test("a password leaves no hash behind that it could be guessed from", async () => {
  const body = JSON.stringify({ tenant: "acme", username: "ann", password: "hunter2" });
  const headers = { "content-type": "application/json", "x-request-id": "r-secret" };
  await edge.http("/v1/auth/sign-in", { method: "POST", headers, body });
  const [entry] = entriesOf("r-secret");
  assert.deepEqual([entry?.requestHash, entry?.replyHash, entry?.subject], ["", "", "anonymous"]);
});

test("a refusal is audited and told to those who watch for attacks", async () => {
  assert.equal((await me("r-refused", { authorization: "Bearer nobody" })).status, 401);
  assert.equal(entriesOf("r-refused")[0]?.outcome, "denied");
  const subject = eventSubject("mesh", "gateway", requestRefusedEvent.type, "r-refused");
  const event = await eventually(
    async () => {
      const stored = await edge.fleet.bus.jsm.streams.getMessage(EVENTS_STREAM, { last_by_subj: subject });
      return stored && requestRefusedEvent.message.decode(stored.data);
    },
    { what: "the refusal's event" },
  );
  assert.equal(event.stage, "authenticate");
  assert.equal(event.reason, "BAD_TOKEN");
});

test("while compliance is down entries wait on the disk, and all of them arrive once", async () => {
  await edge.fleet.stop("compliance");
  const ids = Array.from({ length: 30 }, (_, index) => `r-spool-${index}`);
  const replies = await Promise.all(ids.map((id) => me(id)));
  assert.ok(replies.every((reply) => reply.status === 200));
  assert.equal(ids.flatMap(entriesOf).length, 0);
  assert.ok((await readdir(spool())).length > 0, "nothing was spooled");
  await edge.fleet.start("compliance");
  await eventually(() => ids.every((id) => entriesOf(id).length === 1), { what: "the spooled entries to arrive" });
  await eventually(async () => (await readdir(spool())).length === 0, { what: "the spool to be empty" });
});

test("what a killed gateway left on the disk is delivered by its successor, a torn last line dropped", async () => {
  const entry = { id: newId(), tenant: "acme", requestId: "r-left", action: "x", at: new Date().toISOString() };
  const dir = join(edge.environment.dir, "left");
  await mkdir(dir);
  await writeFile(join(dir, `999999999-${newId()}.open`), `${JSON.stringify(entry)}\n{"id":"torn`);
  await using _successor = await edge.another({ audit: { spoolDir: dir } });
  await eventually(() => entriesOf("r-left").length === 1, { what: "the entry that was left" });
  await eventually(async () => (await readdir(dir)).length === 0, { what: "the file to be removed" });
});

test("when neither compliance nor the disk takes an entry, no reply leaves", async () => {
  const trail = {
    append: () => Promise.reject(new AppError("UNAVAILABLE", "no room", { reason: "AUDIT_UNAVAILABLE" })),
    [Symbol.asyncDispose]: async () => undefined,
  };
  await using gateway = await edge.another({}, { trail });
  const reply = await fetch(`http://127.0.0.1:${gateway.httpPort}/v1/auth/me`, { headers: asAdmin() });
  assert.equal(reply.status, 503);
  assert.match(await reply.text(), /AUDIT_UNAVAILABLE/);
});

test("entries that compliance refuses are kept for a person and hold nobody up", async () => {
  const { path } = complianceContract.methods.appendAudit;
  let refuse = true;
  const all = edge.fleet.audited;
  edge.fleet.on(path, async ({ entries }: { entries: typeof all }) => {
    if (refuse) throw new AppError("INVALID_ARGUMENT", "a bad entry");
    all.push(...entries);
    return { appended: entries.length };
  });
  assert.equal((await me("r-invalid")).status, 200);
  await eventually(async () => (await readdir(spool())).some((name) => name.endsWith(".refused")), {
    what: "the file",
  });
  refuse = false;
  assert.equal((await me("r-after")).status, 200);
  await eventually(() => entriesOf("r-after").length === 1, { what: "the next entry" });
});
