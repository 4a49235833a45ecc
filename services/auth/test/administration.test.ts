import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EVENTS_STREAM } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { AuditRecorded } from "@agentmesh/proto/compliance";
import {
  type AuthClient,
  type AuthMesh,
  adminPassword,
  adminToken,
  authMesh,
  createUser,
  exchanged,
  isRefused,
  signIn,
} from "./auth-mesh.ts";

let mesh: AuthMesh;
let client: AuthClient;
let admin: string;

before(async () => {
  mesh = await authMesh();
  client = await mesh.client(await mesh.start());
  admin = await adminToken(client);
});

after(() => mesh[Symbol.asyncDispose]());

function byKey(secret: string) {
  return client.exchangeToken({ credential: { $case: "apiKey", value: secret }, audience: "auth" });
}

const badKey = { reason: "BAD_API_KEY" };

test("a rotated key and its successor are both good during the overlap, then one is", async () => {
  const options = { token: admin };
  const old = await client.createApiKey({ name: "ci", scopes: ["agent:read"], ttlS: 3600 }, options);
  const id = old.key?.id ?? "";
  const next = await client.rotateApiKey({ id, overlapS: 1 }, options);
  assert.notEqual(next.key?.id, id);
  assert.deepEqual(
    [next.key?.name, next.key?.subject, next.key?.scopes],
    [old.key?.name, old.key?.subject, ["agent:read"]],
  );
  assert.deepEqual((await byKey(next.secret)).context?.permissions, ["agent:read"]);
  await byKey(old.secret).catch((error: unknown) =>
    assert.equal(Reflect.get(Object(error), "reason"), "TOKEN_EXPIRED"),
  );
  await eventually(() => isRefused(byKey(old.secret), "BAD_API_KEY"), { what: "the overlap to end" });
  await byKey(next.secret);
  const lifeMs = Number(next.key?.expiresAt) - Number(next.key?.createdAt);
  assert.equal(lifeMs, 3_600_000);
  await assert.rejects(client.rotateApiKey({ id }, options), { reason: "API_KEY_REPLACED" });
  await assert.rejects(client.rotateApiKey({ id: "nope" }, options), { reason: "API_KEY_NOT_FOUND" });
  await assert.rejects(client.rotateApiKey({ id, overlapS: 10_000_000 }, options), { reason: "OVERLAP_TOO_LONG" });
});

test("a refused credential of somebody known is in their audit, and one of nobody is in none", async () => {
  const peer = await mesh.peer("compliance");
  const subjects_filter = "evt.acme.auth.audit.recorded.>";
  const denials = async () => {
    const consumer = await peer.bus.js.consumers.get(EVENTS_STREAM, { filter_subjects: subjects_filter });
    const found: string[] = [];
    for await (const message of await consumer.fetch({ max_messages: 500, expires: 1000 })) {
      const { entry } = AuditRecorded.decode(message.data);
      if (entry?.action === "token.exchange") found.push(`${entry.resource} ${entry.outcome} ${entry.reason}`);
    }
    return found;
  };
  const key = await client.createApiKey({ name: "gone" }, { token: admin });
  await byKey(key.secret);
  await client.revokeApiKey({ id: key.key?.id ?? "" }, { token: admin });
  await assert.rejects(byKey(key.secret), badKey);
  await assert.rejects(byKey(`mk_${"A".repeat(43)}`), badKey);
  const said = `ApiKey/${key.key?.id} denied BAD_API_KEY`;
  const found = await eventually(async () => (await denials()).includes(said) && denials(), { what: "the denial" });
  assert.equal(found.filter((line) => line === said).length, 1);
});

test("of ten that rotate one key at once, one does; a revoked key is not brought back by it", async () => {
  const options = { token: admin };
  const old = await client.createApiKey({ name: "race" }, options);
  const id = old.key?.id ?? "";
  const rotations = await Promise.allSettled(Array.from({ length: 10 }, () => client.rotateApiKey({ id }, options)));
  assert.equal(rotations.filter(({ status }) => status === "fulfilled").length, 1);
  await byKey(old.secret);
  await client.revokeApiKey({ id }, options);
  await assert.rejects(byKey(old.secret), badKey);
  await assert.rejects(client.rotateApiKey({ id }, options), { code: "FAILED_PRECONDITION" });
});

test("a user is enabled again with keys, but without the sessions and tokens from before", async () => {
  await createUser(client, admin, "uma", ["operator"]);
  const before = await signIn(client, { username: "uma" });
  const token = await exchanged(client, before.accessToken);
  const key = await client.createApiKey({ name: "k", username: "uma" }, { token: admin });
  await client.whoAmI({}, { token });
  await client.disableUser({ username: "uma" }, { token: admin });
  await assert.rejects(byKey(key.secret), { code: "UNAUTHENTICATED" });
  const enabled = await client.enableUser({ username: "uma" }, { token: admin });
  assert.equal(enabled.disabled, false);
  await eventually(() => byKey(key.secret), { what: "the key to count again" });
  await signIn(client, { username: "uma" });
  await assert.rejects(client.whoAmI({}, { token }), { reason: "BAD_TOKEN" });
  await assert.rejects(client.refreshToken({ refreshToken: before.refreshToken }), { reason: "SESSION_ENDED" });
  await assert.rejects(client.enableUser({ username: "nobody" }, { token: admin }), { reason: "USER_NOT_FOUND" });
});

test("an account of a deleted resource comes back with the resource only", async () => {
  await client.applyResource({ kind: "ServiceAccount", name: "bot", spec: { roles: ["operator"] } }, { token: admin });
  await client.deleteResource({ kind: "ServiceAccount", name: "bot" }, { token: admin });
  await assert.rejects(client.enableUser({ username: "bot" }, { token: admin }), { reason: "USER_NOT_FOUND" });
});

test("the home tenant's admins make tenants, whose admins make none and see nothing of others", async () => {
  const request = { name: "globex", adminUsername: "gina", adminPassword };
  const tenant = await client.createTenant(request, { token: admin });
  assert.equal(tenant.name, "globex");
  const signedIn = await eventually(
    async () => {
      const { accessToken } = await signIn(client, { tenant: "globex", username: "gina" });
      const token = await exchanged(client, accessToken);
      return (await client.whoAmI({}, { token })).permissions.includes("system:admin") && token;
    },
    { what: "the new tenant's roles" },
  );
  const { users } = await client.listUsers({}, { token: signedIn });
  assert.deepEqual(
    users.map(({ username }) => username),
    ["gina"],
  );
  await assert.rejects(client.createTenant({ ...request, name: "third" }, { token: signedIn }), {
    code: "PERMISSION_DENIED",
    reason: "NOT_HOME_TENANT",
  });
  await assert.rejects(client.createTenant(request, { token: admin }), { code: "CONFLICT", reason: "TENANT_EXISTS" });
  await assert.rejects(client.createTenant({ ...request, name: "A.b" }, { token: admin }), { reason: "BAD_TENANT" });
  await assert.rejects(client.createTenant({ ...request, name: "weak", adminPassword: "x" }, { token: admin }), {
    reason: "WEAK_PASSWORD",
  });
});
