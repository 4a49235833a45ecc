import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { decodeProtectedHeader } from "jose";
import pg from "pg";
import { type AuthMesh, adminToken, authMesh, createUser, exchanged, isRefused, signIn } from "./auth-mesh.ts";

let mesh: AuthMesh;

before(async () => {
  mesh = await authMesh();
});

after(() => mesh[Symbol.asyncDispose]());

async function rows(sql: string): Promise<Record<string, unknown>[]> {
  const database = new pg.Client({ connectionString: mesh.environment.postgresUrl });
  await database.connect();
  try {
    return (await database.query(sql)).rows;
  } finally {
    await database.end();
  }
}

test("replicas that start together make one admin, one key and one set of roles, and agree", async () => {
  const [one, two, three] = await Promise.all([mesh.start(), mesh.start(), mesh.start()]);
  const clients = await Promise.all([one, two, three].map((port) => mesh.client(port)));
  const [counts] = await rows(
    `SELECT (SELECT count(*) FROM account) AS accounts, (SELECT count(*) FROM signing_key) AS keys,
       (SELECT max(version) FROM resource) AS version`,
  );
  assert.deepEqual(counts, { accounts: "1", keys: "1", version: 1 });
  const [first, second] = clients;
  assert.ok(first && second);
  // Signed in at one, exchanged at the other.
  await exchanged(second, (await signIn(first)).accessToken);
  await mesh.start();
  assert.deepEqual(await rows("SELECT count(*) FROM account"), [{ count: "1" }]);
});

test("nothing secret is stored in clear", async () => {
  const client = await mesh.client(await mesh.start());
  const token = await adminToken(client);
  const { secret } = await client.createApiKey({ name: "k" }, { token });
  const { refreshToken } = await signIn(client);
  const [key] = await rows("SELECT password_hash FROM account WHERE username = 'admin'");
  assert.match(String(key?.password_hash), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  const dump = JSON.stringify([
    await rows("SELECT * FROM api_key"),
    await rows("SELECT * FROM session"),
    await rows("SELECT kid, encode(sealed, 'escape') AS sealed FROM signing_key"),
  ]);
  assert.ok(!dump.includes(secret) && !dump.includes(refreshToken) && !dump.includes("PRIVATE KEY"));
});

test("a key revoked or a user disabled on one replica is refused by the other within a second", async () => {
  const [one, two] = await Promise.all([mesh.start(), mesh.start()]);
  const [first, second] = [await mesh.client(one), await mesh.client(two)];
  const token = await adminToken(first);
  const user = await createUser(first, token, "remy");
  const { key, secret } = await first.createApiKey({ name: "k", username: "remy" }, { token });
  const credential = { $case: "apiKey", value: secret } as const;
  await second.exchangeToken({ credential });
  await first.revokeApiKey({ id: key?.id ?? "" }, { token });
  await eventually(() => isRefused(second.exchangeToken({ credential }), "BAD_API_KEY"), {
    what: "the other replica to refuse the key",
    timeoutMs: 1000,
  });
  const runner = await mesh.client(two, "agent-runner");
  const behalf = { $case: "onBehalfOf", value: { tenant: "acme", subject: user.subject } } as const;
  await runner.exchangeToken({ credential: behalf });
  await first.disableUser({ username: "remy" }, { token });
  await eventually(() => isRefused(runner.exchangeToken({ credential: behalf }), "ACCOUNT_DISABLED"), {
    what: "the other replica to refuse the user",
    timeoutMs: 1000,
  });
});

test("tenants see nothing of each other", async () => {
  const acme = await mesh.client(await mesh.start());
  const globex = await mesh.client(await mesh.start({ bootstrap: { tenant: "globex" } }));
  const [ours, theirs] = [await adminToken(acme), await adminToken(globex, "globex")];
  const user = await createUser(acme, ours, "secretary");
  const { key } = await acme.createApiKey({ name: "k" }, { token: ours });
  await acme.applyResource({ kind: "Role", name: "ours", spec: { permissions: ["agent:read"] } }, { token: ours });
  const token = { token: theirs };
  assert.deepEqual(
    (await globex.listUsers({}, token)).users.map((each) => each.tenant),
    ["globex"],
  );
  assert.deepEqual((await globex.listApiKeys({}, token)).keys, []);
  await assert.rejects(globex.disableUser({ username: "secretary" }, token), { reason: "USER_NOT_FOUND" });
  await assert.rejects(globex.revokeApiKey({ id: key?.id ?? "" }, token), { reason: "API_KEY_NOT_FOUND" });
  await assert.rejects(globex.getResource({ kind: "Role", name: "ours" }, token), { code: "NOT_FOUND" });
  await assert.rejects(globex.createUser({ username: "x", password: "x".repeat(20), roles: ["ours"] }, token), {
    reason: "UNKNOWN_ROLE",
  });
  await assert.rejects(globex.checkAccess({ subject: user.subject, permission: "agent:read" }, token), {
    reason: "USER_NOT_FOUND",
  });
  await assert.rejects(signIn(globex, { tenant: "globex", username: "secretary" }), { reason: "BAD_CREDENTIALS" });
  await acme.applyResource({ kind: "ServiceAccount", name: "twin", spec: { roles: ["ours"] } }, { token: ours });
  await globex.applyResource({ kind: "ServiceAccount", name: "twin", spec: {} }, token);
  await globex.disableUser({ username: "twin" }, token);
  const gateway = await mesh.client(await mesh.start(), "orchestrator");
  const twin = (tenant: string) =>
    gateway.exchangeToken({ credential: { $case: "onBehalfOf", value: { tenant, subject: "svc:twin" } } });
  assert.deepEqual((await twin("acme")).context?.permissions, ["agent:read"]);
  await assert.rejects(twin("globex"), { reason: "ACCOUNT_DISABLED" });
});

test("keys rotate: the new one is published before it signs, both verify, and the old one retires", async () => {
  const steady = await mesh.client(await mesh.start({ signingKeys: { rotateAfterS: 3600, keepAfterS: 3600 } }));
  const before = (await signIn(steady)).accessToken;
  const oldKid = decodeProtectedHeader(before).kid;
  const turning = await mesh.client(
    await mesh.start({ signingKeys: { rotateAfterS: 2, activateAfterS: 2, keepAfterS: 3600 } }),
  );
  await eventually(async () => (await steady.getJwks({})).keys.length >= 2, {
    what: "the peer to publish the second key",
  });
  const after = await eventually(
    async () => {
      const { accessToken } = await signIn(turning);
      return decodeProtectedHeader(accessToken).kid !== oldKid && accessToken;
    },
    { what: "the new key to sign" },
  );
  for (const client of [steady, turning]) {
    await exchanged(client, before);
    await exchanged(client, after);
  }
  const cleaning = await mesh.client(
    await mesh.start({ signingKeys: { rotateAfterS: 3600, activateAfterS: 60, keepAfterS: 1 } }),
  );
  await eventually(async () => !(await cleaning.getJwks({})).keys.some((key) => key.kid === oldKid), {
    what: "the old key to retire",
  });
  await eventually(() => isRefused(exchanged(steady, before), "BAD_TOKEN"), {
    what: "tokens of the retired key to be refused",
  });
  const [retired] = await rows(`SELECT sealed FROM signing_key WHERE kid = '${oldKid}'`);
  assert.equal(retired?.sealed, null);
});
