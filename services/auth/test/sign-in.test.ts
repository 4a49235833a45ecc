import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EVENTS_STREAM } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { SignInAttempted } from "@agentmesh/proto/auth";
import type { Foundation } from "@agentmesh/service";
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

const firstLockMs = 400;

let mesh: AuthMesh;
let client: AuthClient;
let admin: string;
let peer: Foundation;

before(async () => {
  mesh = await authMesh();
  client = await mesh.client(await mesh.start({ lockOut: { firstMs: firstLockMs } }));
  admin = await adminToken(client);
  peer = await mesh.peer("alerting");
});

after(() => mesh[Symbol.asyncDispose]());

const badCredentials = { code: "UNAUTHENTICATED", reason: "BAD_CREDENTIALS" };

function wrong(username: string, address = "") {
  return signIn(client, { username, password: "wrong password", address });
}

async function attemptsOf(username: string): Promise<SignInAttempted[]> {
  const subject = `evt.acme.auth.auth.sign_in.attempted.${username}`;
  const consumer = await peer.bus.js.consumers.get(EVENTS_STREAM, { filter_subjects: subject });
  const attempts: SignInAttempted[] = [];
  for await (const message of await consumer.fetch({ max_messages: 50, expires: 1000 })) {
    attempts.push(SignInAttempted.decode(message.data));
  }
  return attempts;
}

test("the right password opens a session, whatever the case of the user name", async () => {
  const reply = await signIn(client, { username: "Admin" });
  assert.equal(reply.tokenType, "Bearer");
  assert.equal(reply.expiresInS, 300);
  assert.match(reply.refreshToken, /^mr_/);
  const { credential, ...me } = { credential: reply.accessToken, ...(await client.whoAmI({}, { token: admin })) };
  assert.equal(credential.split(".").length, 3);
  assert.equal(me.username, "admin");
  assert.equal(me.clearance, "secret");
  assert.ok(me.lastSignIn && me.sessionExpiresAt);
});

test("wrong password, unknown user, unknown tenant, disabled user and service account have one answer", async () => {
  await createUser(client, admin, "dora");
  await client.disableUser({ username: "dora" }, { token: admin });
  await client.createUser({ username: "robot", serviceAccount: true }, { token: admin });
  const messages = new Set<string>();
  const note = (error: Error) => {
    messages.add(error.message);
    return Reflect.get(error, "reason") === "BAD_CREDENTIALS" && Reflect.get(error, "code") === "UNAUTHENTICATED";
  };
  await assert.rejects(wrong("admin"), note);
  await assert.rejects(wrong("nobody"), note);
  await assert.rejects(signIn(client, { tenant: "nowhere" }), note);
  await assert.rejects(signIn(client, { username: "dora" }), note);
  await assert.rejects(signIn(client, { username: "robot" }), note);
  await assert.rejects(signIn(client, { username: "admin", password: "" }), note);
  await assert.rejects(signIn(client, { username: "x".repeat(1000) }), note);
  await assert.rejects(signIn(client, { username: "admin\0" }), note);
  await assert.rejects(signIn(client, { tenant: "acme\0" }), note);
  assert.equal(messages.size, 1);
});

test("an account locks after wrong passwords, doubles, opens again, and a right password clears the count", async () => {
  await createUser(client, admin, "lena");
  const locked = { code: "RESOURCE_EXHAUSTED", reason: "SIGN_IN_LOCKED" };
  for (let i = 0; i < 3; i++) await assert.rejects(wrong("lena"), badCredentials);
  const right = () => signIn(client, { username: "lena" });
  await assert.rejects(right(), (error: Error & { retryAfterMs?: number }) => {
    assert.match(error.message, /too many wrong passwords/);
    assert.ok((error.retryAfterMs ?? 0) > 0 && (error.retryAfterMs ?? 0) <= firstLockMs);
    return true;
  });
  await eventually(() => isRefused(wrong("lena"), "BAD_CREDENTIALS"), {
    what: "the lock to open",
  });
  await assert.rejects(right(), (error: Error & { retryAfterMs?: number }) => (error.retryAfterMs ?? 0) > firstLockMs);
  await eventually(right, { what: "the longer lock to open" });
  await assert.rejects(wrong("lena"), badCredentials);
  await assert.rejects(wrong("lena"), badCredentials);
  await right();
  // A name that does not exist locks the same way.
  for (let i = 0; i < 3; i++) await assert.rejects(wrong("ghost"), badCredentials);
  await assert.rejects(wrong("ghost"), locked);
});

test("guesses from elsewhere do not lock out an address the user has signed in from", async () => {
  await createUser(client, admin, "nora");
  await signIn(client, { username: "nora", address: "198.51.100.7" });
  for (let i = 0; i < 3; i++) await assert.rejects(wrong("nora", "203.0.113.9"), badCredentials);
  await assert.rejects(signIn(client, { username: "nora", address: "203.0.113.9" }), { reason: "SIGN_IN_LOCKED" });
  await signIn(client, { username: "nora", address: "198.51.100.7" });
});

test("of a hundred guesses at once on two replicas three are judged, and the right one among the rest opens nothing", async () => {
  // Locks longer than the test, however slow the machine.
  const lockOut = { firstMs: 600_000 };
  const strict = [await mesh.client(await mesh.start({ lockOut })), await mesh.client(await mesh.start({ lockOut }))];
  for (const username of ["burt", "nobody-at-all"]) {
    if (username === "burt") await createUser(client, admin, username);
    const guess = (index: number) => {
      const replica = strict[index % 2] ?? client;
      // The right password comes when the lock has been set, or is about to be.
      return signIn(replica, { username, ...(index < 20 && { password: "wrong password" }) });
    };
    const results = await Promise.allSettled(Array.from({ length: 100 }, (_, index) => guess(index)));
    const reasons = results.map((result) => (result.status === "rejected" ? result.reason.reason : "signed in"));
    assert.equal(reasons.filter((reason) => reason === "BAD_CREDENTIALS").length, 3);
    assert.equal(reasons.filter((reason) => reason === "SIGN_IN_LOCKED").length, 97);
  }
  await client.enableUser({ username: "burt" }, { token: admin });
  await signIn(client, { username: "burt" });
});

test("a sign-in begins a session of its own, whatever session, token or id the caller brings", async () => {
  await createUser(client, admin, "fiona");
  const theirs = await signIn(client, { username: "fiona" });
  const { sid } = decodeJwt(theirs.accessToken);
  const metadata = { "x-session-id": String(sid), cookie: `sid=${sid}`, "x-mesh-remote-address": "" };
  const token = await exchanged(client, theirs.accessToken);
  const request = { tenant: "acme", username: "fiona", password: adminPassword };
  const own = await client.signIn(request, { metadata, token });
  const ownSid = decodeJwt(own.accessToken).sid;
  assert.notEqual(ownSid, sid);
  assert.match(String(ownSid), /^[0-9a-f-]{36}$/);
  // What ends the one ends nothing of the other, and neither's tokens refresh the other.
  await client.signOut({}, { token });
  const next = await client.refreshToken({ refreshToken: own.refreshToken });
  assert.equal(decodeJwt(next.accessToken).sid, ownSid);
  await assert.rejects(client.refreshToken({ refreshToken: theirs.refreshToken }), { reason: "SESSION_ENDED" });
});

test("each attempt is an event and an audit entry that say why", async () => {
  await createUser(client, admin, "vera");
  await assert.rejects(wrong("vera", "192.0.2.1"), badCredentials);
  await signIn(client, { username: "vera", address: "192.0.2.1" });
  const attempts = await eventually(
    async () => {
      const found = await attemptsOf("vera");
      return found.length === 2 && found;
    },
    { what: "two attempts in the stream" },
  );
  assert.deepEqual(
    attempts.map(({ succeeded, reason, remoteAddress }) => [succeeded, reason, remoteAddress]),
    [
      [false, "wrong_password", "192.0.2.1"],
      [true, "", "192.0.2.1"],
    ],
  );
  const audit = await peer.bus.jsm.streams.info(EVENTS_STREAM, { subjects_filter: "evt.acme.auth.audit.recorded.>" });
  assert.ok(Object.keys(audit.state.subjects ?? {}).length >= 2);
  const foreign = await peer.bus.jsm.streams.info(EVENTS_STREAM, { subjects_filter: "evt.nowhere.>" });
  assert.deepEqual(foreign.state.subjects ?? {}, {});
});

test("weak passwords, bad names, unknown roles and taken names are refused", async () => {
  const create = (request: object) =>
    client.createUser({ username: "new", password: adminPassword, ...request }, { token: admin });
  await assert.rejects(create({ password: "short" }), (error: Error) => {
    assert.equal(Reflect.get(error, "reason"), "WEAK_PASSWORD");
    assert.doesNotMatch(error.message, /short/);
    return true;
  });
  await assert.rejects(create({ username: "a b" }), { reason: "BAD_USERNAME" });
  await assert.rejects(create({ roles: ["ghost"] }), { reason: "UNKNOWN_ROLE" });
  await assert.rejects(create({ username: "ADMIN" }), { reason: "USERNAME_TAKEN" });
  await assert.rejects(create({ serviceAccount: true }), { reason: "NO_PASSWORD_EXPECTED" });
  const page = await client.listUsers({ pageSize: 2 }, { token: admin });
  assert.equal(page.users.length, 2);
  const next = await client.listUsers({ pageSize: 2, pageToken: page.nextPageToken }, { token: admin });
  assert.ok((next.users[0]?.username ?? "") > (page.users[1]?.username ?? ""));
});
