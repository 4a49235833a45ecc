import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
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

const graceMs = 400;

let mesh: AuthMesh;
let client: AuthClient;
let other: AuthClient;
let admin: string;
let peer: Foundation;

before(async () => {
  mesh = await authMesh();
  const change = { tokens: { refreshGraceMs: graceMs } };
  client = await mesh.client(await mesh.start(change));
  other = await mesh.client(await mesh.start(change));
  admin = await adminToken(client);
  peer = await mesh.peer("cost");
  await eventually(() => isRefused(peer.tokens.verify("a.b.c"), "BAD_TOKEN"), {
    what: "the peer's snapshots",
  });
});

after(() => mesh[Symbol.asyncDispose]());

/** Verified by another service until it is refused there; answers how long that took. */
async function refusedAtPeer(token: string, change: () => Promise<unknown>): Promise<number> {
  await peer.tokens.verify(token);
  const startedAtMs = performance.now();
  await change();
  await eventually(() => isRefused(peer.tokens.verify(token), "BAD_TOKEN"), {
    what: "the token to be refused",
    timeoutMs: 2000,
  });
  return performance.now() - startedAtMs;
}

test("a refresh token gives the next pair of the same session", async () => {
  const first = await signIn(client);
  const second = await client.refreshToken({ refreshToken: first.refreshToken });
  assert.notEqual(second.refreshToken, first.refreshToken);
  assert.equal(decodeJwt(second.accessToken).sid, decodeJwt(first.accessToken).sid);
  const third = await other.refreshToken({ refreshToken: second.refreshToken });
  assert.equal(
    (await client.exchangeToken({ credential: { $case: "accessToken", value: third.accessToken } })).context?.username,
    "admin",
  );
});

test("fifty refreshes at once on two replicas end in one successor, and so does a repeat within the grace", async () => {
  // The usual grace, which fifty on a busy machine do not outlast.
  const patient = await mesh.client(await mesh.start());
  const besides = await mesh.client(await mesh.start());
  const { refreshToken } = await signIn(client);
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, index) => (index % 2 ? patient : besides).refreshToken({ refreshToken })),
  );
  const successors = new Set(replies.map((reply) => reply.refreshToken));
  assert.equal(successors.size, 1);
  const [successor = ""] = successors;
  await client.refreshToken({ refreshToken: successor });
});

test("a refresh token that is used again after the grace ends its family everywhere", async () => {
  const first = await signIn(client);
  const second = await client.refreshToken({ refreshToken: first.refreshToken });
  const internal = await exchanged(client, second.accessToken, "cost");
  // Two generations back there is no grace at all.
  const third = await client.refreshToken({ refreshToken: second.refreshToken });
  const tookMs = await refusedAtPeer(internal, () =>
    assert.rejects(client.refreshToken({ refreshToken: first.refreshToken }), { reason: "REFRESH_TOKEN_REUSED" }),
  );
  assert.ok(tookMs < 1000, `${tookMs} ms`);
  await assert.rejects(other.refreshToken({ refreshToken: third.refreshToken }), { reason: "SESSION_ENDED" });
  await assert.rejects(exchanged(client, third.accessToken), { reason: "BAD_TOKEN" });
  // One generation back, once the grace is over.
  const fresh = await signIn(client);
  await client.refreshToken({ refreshToken: fresh.refreshToken });
  await eventually(() => isRefused(client.refreshToken({ refreshToken: fresh.refreshToken }), "REFRESH_TOKEN_REUSED"), {
    what: "the grace to end",
  });
});

test("refresh tokens that nobody made are refused alike", async () => {
  const { refreshToken } = await signIn(client);
  const middle = refreshToken.charAt(40) === "A" ? "B" : "A";
  const forged = refreshToken.slice(0, 40) + middle + refreshToken.slice(41);
  for (const wrong of ["", "mr_x", forged, refreshToken.slice(0, -4), `mr_${"A".repeat(70)}`]) {
    await assert.rejects(client.refreshToken({ refreshToken: wrong }), { reason: "BAD_REFRESH_TOKEN" });
  }
  await client.refreshToken({ refreshToken });
});

test("signing out ends the session at every service within a second, and only that one", async () => {
  const one = await signIn(client);
  const two = await signIn(client);
  const [internalOne, internalTwo] = [
    await exchanged(client, one.accessToken, "mesh"),
    await exchanged(client, two.accessToken, "mesh"),
  ];
  const tookMs = await refusedAtPeer(internalOne, async () => {
    assert.equal((await client.signOut({}, { token: internalOne })).sessionsEnded, 1);
  });
  assert.ok(tookMs < 1000, `${tookMs} ms`);
  await peer.tokens.verify(internalTwo);
  await assert.rejects(other.refreshToken({ refreshToken: one.refreshToken }), { reason: "SESSION_ENDED" });
  await eventually(() => isRefused(exchanged(other, one.accessToken), "BAD_TOKEN"), {
    what: "the other replica to refuse the session's access token",
    timeoutMs: 1000,
  });
});

test("signing out everywhere ends all sessions of the caller", async () => {
  await createUser(client, admin, "erin");
  const sessions = [
    await signIn(client, { username: "erin" }),
    await signIn(client, { username: "erin" }),
    await signIn(other, { username: "erin" }),
  ];
  const internal = await exchanged(client, sessions[0]?.accessToken ?? "");
  assert.equal((await client.signOut({ everywhere: true }, { token: internal })).sessionsEnded, 3);
  for (const { refreshToken } of sessions) {
    await assert.rejects(client.refreshToken({ refreshToken }), { reason: "SESSION_ENDED" });
  }
});

test("disabling a user ends sessions, tokens and API keys within a second and leaves no way back in", async () => {
  await createUser(client, admin, "dina", ["operator"]);
  const session = await signIn(client, { username: "dina" });
  const internal = await exchanged(client, session.accessToken, "mesh");
  const { secret } = await client.createApiKey({ name: "ci", username: "dina" }, { token: admin });
  const tookMs = await refusedAtPeer(internal, async () => {
    assert.equal((await client.disableUser({ username: "dina" }, { token: admin })).disabled, true);
  });
  assert.ok(tookMs < 1000, `${tookMs} ms`);
  await assert.rejects(signIn(client, { username: "dina", password: adminPassword }), { reason: "BAD_CREDENTIALS" });
  await assert.rejects(client.refreshToken({ refreshToken: session.refreshToken }), { reason: "SESSION_ENDED" });
  for (const replica of [client, other]) {
    await assert.rejects(replica.exchangeToken({ credential: { $case: "apiKey", value: secret } }), {
      code: "UNAUTHENTICATED",
    });
  }
  const me = await client.whoAmI({}, { token: admin });
  await assert.rejects(client.disableUser({ username: me.username }, { token: admin }), {
    reason: "CANNOT_DISABLE_SELF",
  });
  await assert.rejects(client.disableUser({ username: "ghost" }, { token: admin }), { reason: "USER_NOT_FOUND" });
});

test("a role with a limit of sessions ends the oldest beyond it", async () => {
  await createUser(client, admin, "anna", ["data_analyst"]);
  const sessions = [];
  for (let i = 0; i < 4; i++) sessions.push(await signIn(client, { username: "anna" }));
  const [oldest, ...rest] = sessions;
  await assert.rejects(client.refreshToken({ refreshToken: oldest?.refreshToken ?? "" }), { reason: "SESSION_ENDED" });
  for (const { refreshToken } of rest) await client.refreshToken({ refreshToken });
});

test("of twenty sign-ins at once on two replicas as many last as the role allows", async () => {
  await createUser(client, admin, "berta", ["data_analyst"]);
  const signIns = Array.from({ length: 20 }, (_, index) => signIn(index % 2 ? other : client, { username: "berta" }));
  const sessions = await Promise.all(signIns);
  const refreshed = await Promise.allSettled(sessions.map(({ refreshToken }) => client.refreshToken({ refreshToken })));
  assert.equal(refreshed.filter(({ status }) => status === "fulfilled").length, 3);
  for (const result of refreshed) {
    if (result.status === "rejected") assert.equal(result.reason.reason, "SESSION_ENDED");
  }
});
