import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { publishSnapshots, subjectToken } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { authContract } from "@agentmesh/proto/auth.contract";
import { costContract } from "@agentmesh/proto/cost.contract";
import { createClient } from "@agentmesh/rpc";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
before(async () => {
  edge = await startEdge();
});
after(() => edge[Symbol.asyncDispose]());

test("a credential is exchanged once for many requests, and the owner gets an internal token, not the credential", async () => {
  const auth = createClient(authContract, { address: edge.channel });
  const before = edge.fleet.exchanges;
  await Promise.all(Array.from({ length: 20 }, () => auth.whoAmI({}, { token: "admin" })));
  await auth.whoAmI({}, { token: "admin" });
  assert.ok(edge.fleet.exchanges - before <= 1, `${edge.fleet.exchanges - before} exchanges`);
  const seen = edge.fleet.calls.findLast(({ path }) => path === authContract.methods.whoAmI.path)?.call;
  assert.equal(seen?.workload, "gateway");
  assert.equal(seen?.principal?.subject, "user:test");
  assert.notEqual(seen?.token, "admin");
});

test("an API key works on both surfaces; none, an unknown one and a PUBLIC method behave", async () => {
  edge.fleet.credentials.set("key-1", { permissions: ["system:monitor"], subject: "svc:bot" });
  assert.equal((await edge.http("/v1/auth/me", { headers: { "x-api-key": "key-1" } })).status, 200);
  const cost = createClient(costContract, { address: edge.channel });
  await cost.getSpend({}, { metadata: { "x-api-key": "key-1" } });
  const none = await edge.http("/v1/auth/me");
  assert.equal(none.status, 401);
  assert.equal(none.headers.get("www-authenticate"), 'Bearer realm="agentmesh"');
  assert.match(none.text, /NO_CREDENTIAL/);
  await assert.rejects(cost.getSpend({}, { token: "unknown" }), { code: "UNAUTHENTICATED", reason: "BAD_TOKEN" });
  assert.equal((await edge.http("/.well-known/jwks.json")).status, 200);
});

test("a missing permission is refused at the edge, audited as denied, and reaches nobody", async () => {
  edge.fleet.credentials.set("guest", { permissions: [], subject: "user:guest" });
  const calls = edge.fleet.calls.length;
  const reply = await edge.http("/v1/cost/spend", { headers: { authorization: "Bearer guest" } });
  assert.equal(reply.status, 403);
  assert.match(reply.text, /user:guest lacks the permission/);
  const reached = edge.fleet.calls.slice(calls).filter(({ path }) => path === costContract.methods.getSpend.path);
  assert.equal(reached.length, 0);
  const entry = edge.fleet.audited.findLast(({ subject }) => subject === "user:guest");
  assert.equal(entry?.outcome, "denied");
  assert.equal(entry?.reason, "authorise: PERMISSION_DENIED MISSING_PERMISSION");
});

test("a revoked subject is out with its next request, though its credential was remembered", async () => {
  edge.fleet.credentials.set("leaver", { permissions: ["system:monitor"], subject: "user:leaver" });
  const headers = { authorization: "Bearer leaver" };
  assert.equal((await edge.http("/v1/cost/spend", { headers })).status, 200);
  const row = { key: `acme.subject.${subjectToken("user:leaver")}`, version: 1, value: { at: Date.now() } };
  await using _published = await publishSnapshots(edge.fleet.bus, "revocations", async () => [row]);
  edge.fleet.credentials.delete("leaver");
  await eventually(async () => (await edge.http("/v1/cost/spend", { headers })).status === 401, {
    what: "the revoked subject to be refused",
  });
});

test("without auth, who is known goes on and who is not is told to come back", async () => {
  await edge.http("/v1/cost/spend", { headers: asAdmin() });
  await edge.fleet.stop("auth");
  try {
    assert.equal((await edge.http("/v1/cost/spend", { headers: asAdmin() })).status, 200);
    const stranger = await edge.http("/v1/cost/spend", { headers: { authorization: "Bearer stranger" } });
    assert.equal(stranger.status, 503);
  } finally {
    await edge.fleet.start("auth");
  }
});
