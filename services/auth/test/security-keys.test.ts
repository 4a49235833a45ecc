import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { decodeJwt } from "jose";
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
import { Authenticator, type Lies, origin, rpId } from "./authenticator.ts";

let mesh: AuthMesh;
let client: AuthClient;
let admin: string;

const securityKeys = { rpId, origins: [origin] };

before(async () => {
  mesh = await authMesh();
  client = await mesh.client(await mesh.start({ securityKeys, lockOut: { freeFailures: 1000 } }));
  admin = await adminToken(client);
});

after(() => mesh[Symbol.asyncDispose]());

const badKey = { code: "UNAUTHENTICATED", reason: "BAD_SECURITY_KEY" };
const noChallenge = { code: "UNAUTHENTICATED", reason: "NO_CHALLENGE" };

function start(username: string, tenant = "acme") {
  return client.startSecurityKey({ tenant, username, password: adminPassword });
}

async function enrol(token: string, name: string, key = new Authenticator()) {
  const { handle, options } = await client.enrolSecurityKey({}, { token });
  const { recoveryCodes, tokens } = await client.confirmSecurityKey(
    { handle, credential: key.create(options), name },
    { token },
  );
  return { key, recoveryCodes, tokens };
}

/** A user with one key; the token has given it. */
async function withKey(username: string) {
  await createUser(client, admin, username);
  const first = await exchanged(client, (await signIn(client, { username })).accessToken);
  const enrolled = await enrol(first, "blue");
  return { ...enrolled, token: await exchanged(client, enrolled.tokens?.accessToken ?? "") };
}

/** The second half of a sign-in that tells these lies. */
async function finish(username: string, key: Authenticator, lies: Lies = {}) {
  const { handle, options } = await start(username);
  return client.finishSecurityKey({ handle, credential: key.get(options, lies) });
}

test("with a key a password alone opens nothing; password and key do, and the token says so", async () => {
  const { key, recoveryCodes, tokens } = await withKey("ada");
  assert.equal(recoveryCodes.length, 10);
  assert.deepEqual(decodeJwt(tokens?.accessToken ?? "").amr, ["pwd", "pop", "mfa"]);
  await assert.rejects(signIn(client, { username: "ada" }), { reason: "SECOND_FACTOR_REQUIRED" });
  const { options, handle, expiresAt } = await start("ada");
  assert.ok(Number(expiresAt) > Date.now());
  const asked = Object(options);
  assert.deepEqual([asked.rpId, asked.userVerification], [rpId, "required"]);
  assert.deepEqual(asked.allowCredentials, [
    { id: key.id.toString("base64url"), type: "public-key", transports: ["usb"] },
  ]);
  const reply = await client.finishSecurityKey({ handle, credential: key.get(options) });
  assert.deepEqual(decodeJwt(reply.accessToken).amr, ["pwd", "pop", "mfa"]);
  const me = await client.whoAmI({}, { token: await exchanged(client, reply.accessToken) });
  assert.equal(me.secondFactorEnrolled, true);
  // A lost key's stand-in.
  await client.signIn({ tenant: "acme", username: "ada", password: adminPassword, code: recoveryCodes[0] ?? "" });
});

test("the password is judged first: without it nobody is asked for a key or learns that there is one", async () => {
  await withKey("berta");
  await createUser(client, admin, "plain");
  const wrong = (username: string) => client.startSecurityKey({ tenant: "acme", username, password: "wrong password" });
  for (const username of ["berta", "plain", "nobody"]) {
    await assert.rejects(wrong(username), { code: "UNAUTHENTICATED", reason: "BAD_CREDENTIALS" });
  }
  await assert.rejects(start("plain"), { code: "FAILED_PRECONDITION", reason: "NO_SECURITY_KEY" });
  await assert.rejects(start("berta", "globex"), { reason: "BAD_CREDENTIALS" });
});

test("an answer counts from our page, for our domain, of this key, with its owner at it, and forwards only", async () => {
  const { key } = await withKey("clara");
  const other = new Authenticator();
  await finish("clara", key);
  const lies: Record<string, Lies> = {
    "another page": { origin: "https://evil.example.net" },
    "a page beneath that is not listed": { origin: "https://evil.example.com" },
    "another domain": { rpId: "evil.example.net" },
    "another ceremony": { type: "webauthn.create" },
    "another challenge": { challenge: Buffer.alloc(32, 1).toString("base64url") },
    "no challenge": { challenge: "" },
    "a foreign frame": { crossOrigin: true },
    "nobody present": { userPresent: false, userVerified: false },
    "nobody verified": { userVerified: false },
    "another user": { userHandle: "user:somebody-else" },
    "a count that stands still": { counter: key.counter },
    "a count that goes back": { counter: 0 },
    "an altered signature": {
      tamper: (signature) => {
        signature.writeUInt8(signature.readUInt8(signature.length - 1) ^ 1, signature.length - 1);
        return signature;
      },
    },
    "no signature": { tamper: () => Buffer.of(0) },
  };
  for (const [what, lie] of Object.entries(lies)) await assert.rejects(finish("clara", key, lie), badKey, what);
  // Another key under this one's name, and under its own.
  const { handle, options } = await start("clara");
  const forged = { ...other.get(options), id: key.id.toString("base64url"), rawId: key.id.toString("base64url") };
  await assert.rejects(client.finishSecurityKey({ handle, credential: forged }), badKey);
  await assert.rejects(finish("clara", other), badKey);
  for (const credential of [{}, { id: 7 }, { id: "", rawId: "", type: "x", response: [] }, undefined]) {
    const pending = await start("clara");
    await assert.rejects(
      client.finishSecurityKey({ handle: pending.handle, ...(credential && { credential }) }),
      badKey,
    );
  }
  key.counter += 100;
  await finish("clara", key);
});

test("a challenge counts once, for who started, for what it was asked for, and not for long", async () => {
  const { key, token } = await withKey("delia");
  const { handle, options } = await start("delia");
  const credential = key.get(options);
  const together = await Promise.allSettled(
    Array.from({ length: 10 }, () => client.finishSecurityKey({ handle, credential })),
  );
  assert.equal(together.filter(({ status }) => status === "fulfilled").length, 1);
  await assert.rejects(client.finishSecurityKey({ handle, credential }), noChallenge);
  // The same answer to a sign-in of later, and a sign-in finished without its handle.
  const later = await start("delia");
  await assert.rejects(client.finishSecurityKey({ handle: later.handle, credential }), badKey);
  for (const none of ["", "x", Buffer.alloc(32).toString("base64url"), String(Object(later.options).challenge)]) {
    await assert.rejects(client.finishSecurityKey({ handle: none, credential }), noChallenge);
  }
  // What was begun as a step-up finishes no sign-in, and the other way round.
  const stepUp = await client.startStepUp({}, { token });
  await assert.rejects(
    client.finishSecurityKey({ handle: stepUp.handle, credential: key.get(stepUp.options) }),
    noChallenge,
  );
  const begun = await start("delia");
  await assert.rejects(
    client.stepUp({ handle: begun.handle, credential: key.get(begun.options) }, { token }),
    noChallenge,
  );
  const brief = await mesh.client(await mesh.start({ securityKeys: { ...securityKeys, challengeS: 1 } }));
  const late = await brief.startSecurityKey({ tenant: "acme", username: "delia", password: adminPassword });
  await eventually(() => Date.now() > Number(late.expiresAt), { what: "the challenge to be over" });
  await assert.rejects(
    client.finishSecurityKey({ handle: late.handle, credential: key.get(late.options) }),
    noChallenge,
  );
  // Of many that were begun, the oldest are forgotten.
  const first = await start("delia");
  for (let i = 0; i < 10; i++) await start("delia");
  await assert.rejects(
    client.finishSecurityKey({ handle: first.handle, credential: key.get(first.options) }),
    noChallenge,
  );
});

test("another user's key, and a key of another tenant's user of the same name, open nothing", async () => {
  const edda = await withKey("edda");
  const frida = await withKey("frida");
  await assert.rejects(finish("edda", frida.key), badKey);
  await client.createTenant({ name: "globex", adminUsername: "edda", adminPassword }, { token: admin });
  const there = await eventually(
    async () => exchanged(client, (await signIn(client, { tenant: "globex", username: "edda" })).accessToken),
    { what: "the other tenant" },
  );
  const { key } = await enrol(there, "theirs");
  await assert.rejects(finish("edda", key), badKey);
  const { handle, options } = await start("edda", "globex");
  await assert.rejects(client.finishSecurityKey({ handle, credential: edda.key.get(options) }), badKey);
  await finish("edda", edda.key);
  // A key is one account's in a tenant.
  const setup = await client.enrolSecurityKey({}, { token: frida.token });
  const credential = edda.key.create(setup.options);
  await assert.rejects(
    client.confirmSecurityKey({ handle: setup.handle, credential, name: "stolen" }, { token: frida.token }),
    { reason: "SECURITY_KEY_TAKEN" },
  );
});

test("a setup counts from our page, for its challenge, in its session, with the owner verified, and once", async () => {
  const { token } = await withKey("greta");
  const begin = async () => client.enrolSecurityKey({}, { token });
  const lies: Record<string, Lies> = {
    "another page": { origin: "https://evil.example.net" },
    "another domain": { rpId: "evil.example.net" },
    "another challenge": { challenge: Buffer.alloc(32, 1).toString("base64url") },
    "another ceremony": { type: "webauthn.get" },
    "nobody verified": { userVerified: false },
    "a foreign frame": { crossOrigin: true },
  };
  for (const [what, lie] of Object.entries(lies)) {
    const { handle, options } = await begin();
    const credential = new Authenticator().create(options, lie);
    await assert.rejects(client.confirmSecurityKey({ handle, credential, name: "bad" }, { token }), badKey, what);
  }
  const { handle, options } = await begin();
  const credential = new Authenticator().create(options);
  await assert.rejects(client.confirmSecurityKey({ handle, credential, name: " " }, { token }), { reason: "BAD_NAME" });
  const other = await withKey("hanna");
  await assert.rejects(
    client.confirmSecurityKey({ handle, credential, name: "x" }, { token: other.token }),
    noChallenge,
  );
  const again = await begin();
  const good = new Authenticator().create(again.options);
  await client.confirmSecurityKey({ handle: again.handle, credential: good, name: "green" }, { token });
  await assert.rejects(
    client.confirmSecurityKey({ handle: again.handle, credential: good, name: "green" }, { token }),
    noChallenge,
  );
});

test("keys have names, are several, and are removed but for the last second factor; a setup needs a recent one", async () => {
  const { key, token } = await withKey("ines");
  const second = await enrol(token, "green");
  assert.deepEqual(second.recoveryCodes, []);
  const { keys } = await client.listSecurityKeys({}, { token });
  assert.deepEqual(
    keys.map(({ name }) => name),
    ["blue", "green"],
  );
  await finish("ines", second.key);
  await finish("ines", key);
  await client.removeSecurityKey({ id: second.key.id.toString("base64url") }, { token });
  await assert.rejects(finish("ines", second.key), badKey);
  await assert.rejects(client.removeSecurityKey({ id: key.id.toString("base64url") }, { token }), {
    reason: "LAST_SECOND_FACTOR",
  });
  await assert.rejects(client.removeSecurityKey({ id: "AAAA" }, { token }), { reason: "SECURITY_KEY_NOT_FOUND" });
  const other = await withKey("jana");
  await assert.rejects(client.removeSecurityKey({ id: key.id.toString("base64url") }, { token: other.token }), {
    reason: "SECURITY_KEY_NOT_FOUND",
  });
  for (let i = 1; i < 10; i++) await enrol(token, `key ${i}`);
  await assert.rejects(client.enrolSecurityKey({}, { token }), { reason: "TOO_MANY_SECURITY_KEYS" });
  const late = await mesh.client(await mesh.start({ securityKeys, secondFactor: { recentS: 1 } }));
  await eventually(() => isRefused(late.removeSecurityKey({ id: "AAAA" }, { token }), "STEP_UP_REQUIRED"), {
    what: "the second factor to be old",
  });
  await finish("ines", key);
  await client.resetSecondFactor({ username: "ines" }, { token: admin });
  await signIn(client, { username: "ines" });
});

test("a key steps up the session it was asked in, and no other", async () => {
  const { key, token, recoveryCodes } = await withKey("karla");
  const stepped = await client.startStepUp({}, { token });
  const reply = await client.stepUp({ handle: stepped.handle, credential: key.get(stepped.options) }, { token });
  assert.equal(decodeJwt(reply.accessToken).sid, decodeJwt(token).sid);
  await assert.rejects(
    client.stepUp({ handle: stepped.handle, credential: key.get(stepped.options) }, { token }),
    noChallenge,
  );
  const code = recoveryCodes[0] ?? "";
  const elsewhere = await client.signIn({ tenant: "acme", username: "karla", password: adminPassword, code });
  const otherToken = await exchanged(client, elsewhere.accessToken);
  const asked = await client.startStepUp({}, { token });
  await assert.rejects(
    client.stepUp({ handle: asked.handle, credential: key.get(asked.options) }, { token: otherToken }),
    noChallenge,
  );
  const bad = await client.startStepUp({}, { token });
  const lie = key.get(bad.options, { origin: "https://evil.example.net" });
  await assert.rejects(client.stepUp({ handle: bad.handle, credential: lie }, { token }), badKey);
  await createUser(client, admin, "lena");
  const plain = await exchanged(client, (await signIn(client, { username: "lena" })).accessToken);
  await assert.rejects(client.startStepUp({}, { token: plain }), { reason: "NO_SECURITY_KEY" });
});

test("bad answers count as wrong passwords do; without a domain there are no keys", async () => {
  const strict = await mesh.client(await mesh.start({ securityKeys, lockOut: { firstMs: 600_000, freeFailures: 1 } }));
  const { key } = await withKey("mona");
  const begin = () => strict.startSecurityKey({ tenant: "acme", username: "mona", password: adminPassword });
  const waiting = await begin();
  for (let i = 0; i < 2; i++) {
    const { handle, options } = await begin();
    const credential = key.get(options, { userVerified: false });
    await assert.rejects(strict.finishSecurityKey({ handle, credential }), badKey);
  }
  await assert.rejects(begin(), { code: "RESOURCE_EXHAUSTED", reason: "SIGN_IN_LOCKED" });
  // Who gave the right password before, and holds the key, comes in through the lock and opens it.
  await strict.finishSecurityKey({ handle: waiting.handle, credential: key.get(waiting.options) });
  await begin();
  const off = await mesh.client(await mesh.start());
  const token = await exchanged(off, (await signIn(off)).accessToken);
  await assert.rejects(off.enrolSecurityKey({}, { token }), { reason: "SECURITY_KEYS_OFF" });
  for (const origins of [["http://console.example.com"], ["https://example.net"], ["https://example.com/"], []]) {
    assert.throws(() => mesh.config({ securityKeys: { rpId, origins } }));
  }
});
