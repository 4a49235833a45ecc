import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { tokenType } from "@agentmesh/identity";
import type { Foundation } from "@agentmesh/service";
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from "jose";
import {
  type AuthClient,
  type AuthMesh,
  adminPassword,
  adminToken,
  authMesh,
  createUser,
  isRefused,
  signIn,
} from "./auth-mesh.ts";

let mesh: AuthMesh;
let gateway: AuthClient;
let orchestrator: AuthClient;
let runner: AuthClient;
let admin: string;
let peer: Foundation;

before(async () => {
  mesh = await authMesh();
  const port = await mesh.start();
  gateway = await mesh.client(port);
  orchestrator = await mesh.client(port, "orchestrator");
  runner = await mesh.client(port, "agent-runner");
  admin = await adminToken(gateway);
  peer = await mesh.peer("agent-runner");
  await eventually(() => isRefused(peer.tokens.verify("a.b.c"), "BAD_TOKEN"), {
    what: "the peer's snapshots",
  });
});

after(() => mesh[Symbol.asyncDispose]());

function access(value: string) {
  return { $case: "accessToken", value } as const;
}

function apiKey(value: string) {
  return { $case: "apiKey", value } as const;
}

function behalf(subject: string, tenant = "acme") {
  return { $case: "onBehalfOf", value: { tenant, subject } } as const;
}

test("an access token becomes an internal token for one service, which verifies it; the gateway's own is taken by none", async () => {
  const { accessToken } = await signIn(gateway);
  assert.equal(decodeProtectedHeader(accessToken).typ, "at+jwt");
  assert.equal(decodeProtectedHeader(accessToken).alg, "ES256");
  const reply = await gateway.exchangeToken({ credential: access(accessToken), audience: "agent-runner" });
  const principal = await peer.tokens.verify(reply.token);
  assert.equal(principal.tenant, "acme");
  assert.equal(principal.subject, reply.context?.subject);
  assert.ok(principal.permissions.has("system:admin"));
  assert.equal(principal.sessionId, decodeJwt(accessToken).sid);
  assert.ok(principal.expiresAtMs <= Number(decodeJwt(accessToken).exp) * 1000);
  assert.equal(reply.expiresAt?.getTime(), principal.expiresAtMs);
  await assert.rejects(peer.tokens.verify(accessToken), { reason: "BAD_TOKEN" });
  const foreign = await gateway.exchangeToken({ credential: access(accessToken), audience: "cost" });
  await assert.rejects(peer.tokens.verify(foreign.token), { reason: "BAD_TOKEN" });
  await assert.rejects(gateway.exchangeToken({ credential: access(accessToken), audience: "elsewhere" }), {
    reason: "UNKNOWN_AUDIENCE",
  });
  await assert.rejects(gateway.exchangeToken({}), { reason: "NO_CREDENTIAL" });
});

test("an internal token does not outlive what it was traded for", async () => {
  const short = await mesh.client(await mesh.start({ tokens: { accessTtlS: 30 } }));
  const { accessToken } = await signIn(short);
  const { token } = await short.exchangeToken({ credential: access(accessToken) });
  assert.equal(decodeJwt(token).exp, decodeJwt(accessToken).exp);
});

test("tokens that are tampered with, unsigned, of other keys, types, audiences or times are refused", async () => {
  const { accessToken } = await signIn(gateway);
  const [header = "", payload = "", signature = ""] = accessToken.split(".");
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = decodeJwt(accessToken);
  const kid = decodeProtectedHeader(accessToken).kid ?? "";
  const { privateKey } = await generateKeyPair("ES256");
  const forged = await new SignJWT(claims).setProtectedHeader({ alg: "ES256", typ: tokenType, kid }).sign(privateKey);
  const internal = (await gateway.exchangeToken({ credential: access(accessToken) })).token;
  const jwk = (await gateway.getJwks({})).keys[0];
  const symmetric = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: tokenType, kid })
    .sign(Buffer.from(JSON.stringify(jwk)));
  const wrong = {
    "another tenant": `${header}.${encode({ ...claims, tnt: "globex" })}.${signature}`,
    "no algorithm": `${encode({ alg: "none", typ: tokenType })}.${payload}.`,
    "no algorithm, a signature": `${encode({ alg: "none", typ: tokenType, kid })}.${payload}.${signature}`,
    "public key as secret": symmetric,
    "another key": forged,
    "an internal token": internal,
    padding: `${accessToken}=`,
    "no token": "",
    huge: "a".repeat(20_000),
  };
  for (const [what, value] of Object.entries(wrong)) {
    await assert.rejects(gateway.exchangeToken({ credential: access(value) }), { reason: "BAD_TOKEN" }, what);
  }
  await gateway.exchangeToken({ credential: access(accessToken) });
});

test("an expired access token is refused as such", async () => {
  const brief = await mesh.client(await mesh.start({ tokens: { accessTtlS: 1 } }));
  const { accessToken } = await signIn(brief);
  await eventually(() => isRefused(brief.exchangeToken({ credential: access(accessToken) }), "TOKEN_EXPIRED"), {
    what: "the access token to expire",
  });
});

test("an API key stands for its account, narrowed to its scopes, until it is revoked or ends", async () => {
  await createUser(gateway, admin, "kate", ["operator"]);
  const options = { token: admin };
  const whole = await gateway.createApiKey({ name: "whole", username: "kate" }, options);
  const narrow = await gateway.createApiKey(
    { name: "narrow", username: "kate", scopes: ["agent:read", "system:admin"], ttlS: 60 },
    options,
  );
  assert.match(whole.secret, /^mk_[\w-]{43}$/);
  assert.ok(whole.secret.startsWith(whole.key?.prefix ?? "?"));
  const full = await gateway.exchangeToken({ credential: apiKey(whole.secret) });
  assert.ok(full.context?.permissions.includes("system:config"));
  // A scope that its account's roles do not grant adds nothing.
  const part = await gateway.exchangeToken({ credential: apiKey(narrow.secret) });
  assert.deepEqual(part.context?.permissions, ["agent:read"]);
  assert.ok((part.expiresAt?.getTime() ?? 0) <= Date.now() + 60_000);
  const listed = (await gateway.listApiKeys({}, options)).keys;
  assert.ok(listed.find((key) => key.name === "whole")?.lastUsedAt);
  assert.ok(!JSON.stringify(listed).includes(whole.secret));
  await peer.tokens.verify(full.token);
  const revoked = await gateway.revokeApiKey({ id: whole.key?.id ?? "" }, options);
  assert.equal(revoked.revoked, true);
  await assert.rejects(gateway.exchangeToken({ credential: apiKey(whole.secret) }), { reason: "BAD_API_KEY" });
  await eventually(() => isRefused(peer.tokens.verify(full.token), "BAD_TOKEN"), {
    what: "tokens of the revoked key to be refused by services",
    timeoutMs: 1000,
  });
  await peer.tokens.verify(part.token);
  for (const wrong of ["", "mk_", `mk_${"A".repeat(43)}`, narrow.secret.slice(0, -1), ` ${narrow.secret}`]) {
    await assert.rejects(gateway.exchangeToken({ credential: apiKey(wrong) }), { reason: "BAD_API_KEY" });
  }
  await assert.rejects(gateway.createApiKey({ name: "x", scopes: ["agent:fly"] }, options), {
    reason: "UNKNOWN_PERMISSION",
  });
  await assert.rejects(gateway.createApiKey({ name: "" }, options), { reason: "BAD_NAME" });
  await assert.rejects(gateway.revokeApiKey({ id: "nope" }, options), { reason: "API_KEY_NOT_FOUND" });
});

test("an API key that ends is refused from then on, and no admin of another tenant can list, rotate or revoke it", async () => {
  const { secret, key } = await gateway.createApiKey({ name: "brief", ttlS: 2 }, { token: admin });
  const kept = await gateway.createApiKey({ name: "kept" }, { token: admin });
  await gateway.exchangeToken({ credential: apiKey(secret) });
  await eventually(() => isRefused(gateway.exchangeToken({ credential: apiKey(secret) }), "BAD_API_KEY"), {
    what: "the key to end",
  });
  await assert.rejects(gateway.rotateApiKey({ id: key?.id ?? "" }, { token: admin }), { reason: "API_KEY_ENDED" });
  const request = { name: "initech", adminUsername: "ivan", adminPassword };
  await gateway.createTenant(request, { token: admin });
  const theirs = await eventually(
    async () => {
      const token = await adminTokenOf("initech", "ivan");
      return (await gateway.whoAmI({}, { token })).permissions.includes("system:admin") && token;
    },
    { what: "the other tenant" },
  );
  const id = kept.key?.id ?? "";
  assert.deepEqual((await gateway.listApiKeys({}, { token: theirs })).keys, []);
  await assert.rejects(gateway.revokeApiKey({ id }, { token: theirs }), { reason: "API_KEY_NOT_FOUND" });
  await assert.rejects(gateway.rotateApiKey({ id }, { token: theirs }), { reason: "API_KEY_NOT_FOUND" });
  await assert.rejects(gateway.createApiKey({ name: "x", username: "admin" }, { token: theirs }), {
    reason: "USER_NOT_FOUND",
  });
  assert.equal((await gateway.exchangeToken({ credential: apiKey(kept.secret) })).context?.tenant, "acme");
});

async function adminTokenOf(tenant: string, username: string): Promise<string> {
  const { accessToken } = await signIn(gateway, { tenant, username });
  return (await gateway.exchangeToken({ credential: access(accessToken), audience: "auth" })).token;
}

test("orchestrator and agent-runner act on behalf of accounts that exist and are enabled, and nobody else does", async () => {
  const user = await createUser(gateway, admin, "otto", ["operator"]);
  const reply = await orchestrator.exchangeToken({ credential: behalf(user.subject), audience: "agent-runner" });
  const principal = await peer.tokens.verify(reply.token);
  assert.equal(principal.subject, user.subject);
  assert.ok(principal.permissions.has("agent:execute"));
  await runner.exchangeToken({ credential: behalf(user.subject) });
  await assert.rejects(gateway.exchangeToken({ credential: behalf(user.subject) }), { reason: "WORKLOAD_NOT_ALLOWED" });
  const cost = await mesh.client(await mesh.start(), "cost");
  await assert.rejects(cost.exchangeToken({ credential: behalf(user.subject) }), { reason: "WORKLOAD_NOT_ALLOWED" });
  for (const subject of ["user:ghost", "svc:ghost", "publisher:helpdesk", "", "otto"]) {
    await assert.rejects(orchestrator.exchangeToken({ credential: behalf(subject) }), { reason: "SUBJECT_NOT_FOUND" });
  }
  await assert.rejects(orchestrator.exchangeToken({ credential: behalf(user.subject, "globex") }), {
    reason: "SUBJECT_NOT_FOUND",
  });
  await gateway.disableUser({ username: "otto" }, { token: admin });
  await assert.rejects(orchestrator.exchangeToken({ credential: behalf(user.subject) }), {
    reason: "ACCOUNT_DISABLED",
  });
});

test("actors are appended to the chain, rights stay those that came in, and the fifth actor is refused", async () => {
  const { secret } = await gateway.createApiKey({ name: "narrow", scopes: ["agent:execute"] }, { token: admin });
  let token = (await gateway.exchangeToken({ credential: apiKey(secret), audience: "mesh" })).token;
  for (const actor of ["agent:one", "agent:two", "agent:three", "agent:four"]) {
    token = (await runner.exchangeToken({ credential: access(token), actor })).token;
  }
  const principal = await peer.tokens.verify(token);
  assert.deepEqual(principal.actors, ["agent:four", "agent:three", "agent:two", "agent:one"]);
  assert.deepEqual([...principal.permissions], ["agent:execute"]);
  await assert.rejects(runner.exchangeToken({ credential: access(token), actor: "agent:five" }), {
    reason: "TOO_MANY_ACTORS",
  });
  await assert.rejects(runner.exchangeToken({ credential: access(token), actor: "not an actor" }), {
    reason: "BAD_ACTOR",
  });
  // A service may pass on what was meant for it and nothing else.
  const forCost = (await gateway.exchangeToken({ credential: apiKey(secret), audience: "cost" })).token;
  await assert.rejects(runner.exchangeToken({ credential: access(forCost), actor: "agent:x" }), {
    reason: "BAD_TOKEN",
  });
  await assert.rejects(runner.exchangeToken({ credential: access((await signIn(gateway)).accessToken) }), {
    reason: "BAD_TOKEN",
  });
});
