import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { decodeJwt } from "jose";
import { totpAt } from "../src/credentials/totp.ts";
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
let runner: AuthClient;
let admin: string;

before(async () => {
  mesh = await authMesh();
  const port = await mesh.start({ lockOut: { firstMs: 600_000 } });
  client = await mesh.client(port);
  runner = await mesh.client(port, "agent-runner");
  admin = await adminToken(client);
});

after(() => mesh[Symbol.asyncDispose]());

const stepMs = 30_000;
const badCode = { code: "UNAUTHENTICATED", reason: "BAD_CODE" };

function fromBase32(text: string): Buffer {
  const bits = [...text].map((char) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0"));
  const bytes = bits.join("").match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

/** Codes of an app, so many steps of thirty seconds from now. One of now does for a minute, whenever the step ends. */
function app(secret: string) {
  const bytes = fromBase32(secret);
  return { at: (steps: number) => totpAt(bytes, Date.now() + steps * stepMs) };
}

function withCode(username: string, code: string) {
  return client.signIn({ tenant: "acme", username, password: adminPassword, code });
}

/** A user who has set up an app with the code of now; that of the next step is left. */
async function enrolled(username: string, roles: string[] = []) {
  await createUser(client, admin, username, roles);
  const token = await exchanged(client, (await signIn(client, { username })).accessToken);
  const { secret, uri } = await client.enrolTotp({}, { token });
  assert.ok(uri.startsWith("otpauth://totp/agentmesh%20acme:"));
  const codes = app(secret);
  const confirmed = await client.confirmTotp({ code: codes.at(0) }, { token });
  return { codes, token, ...confirmed };
}

test("after enrolment a password alone opens nothing, with a code it does, and the token says how and when", async () => {
  const { codes, tokens } = await enrolled("ada");
  assert.deepEqual(decodeJwt(tokens?.accessToken ?? "").amr, ["pwd", "otp", "mfa"]);
  await assert.rejects(signIn(client, { username: "ada" }), {
    code: "UNAUTHENTICATED",
    reason: "SECOND_FACTOR_REQUIRED",
  });
  // Without the right password nobody learns that there is a second factor.
  await assert.rejects(signIn(client, { username: "ada", password: "wrong password" }), { reason: "BAD_CREDENTIALS" });
  const reply = await withCode("ada", codes.at(1));
  const claims = decodeJwt(reply.accessToken);
  assert.deepEqual(claims.amr, ["pwd", "otp", "mfa"]);
  assert.ok(Math.abs(Number(claims.auth_time) - Date.now() / 1000) < 30);
  const me = await client.whoAmI({}, { token: await exchanged(client, reply.accessToken) });
  assert.deepEqual(me.amr, ["pwd", "otp", "mfa"]);
  assert.equal(me.secondFactorEnrolled, true);
  assert.equal(me.authenticatedAt?.getTime(), Number(claims.auth_time) * 1000);
  // A refresh proves nothing anew.
  const refreshed = decodeJwt((await client.refreshToken({ refreshToken: reply.refreshToken })).accessToken);
  assert.deepEqual([refreshed.amr, refreshed.auth_time], [claims.amr, claims.auth_time]);
  const { users } = await client.listUsers({}, { token: admin });
  assert.equal(users.find((user) => user.username === "ada")?.secondFactorEnrolled, true);
});

test("of fifty that present one code at once, one gets in; used, earlier and far codes are refused", async () => {
  const { codes, token, recoveryCodes } = await enrolled("berta");
  const code = codes.at(1);
  const roomy = await mesh.client(await mesh.start({ lockOut: { freeFailures: 1000 } }));
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, () =>
      roomy.signIn({ tenant: "acme", username: "berta", password: adminPassword, code }),
    ),
  );
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  for (const result of results) {
    if (result.status === "rejected") assert.equal(result.reason.reason, "BAD_CODE");
  }
  // Sign-in and step-up spend the same codes.
  await assert.rejects(roomy.stepUp({ code }, { token }), badCode);
  for (const steps of [-1, -2, 4, -1000])
    await assert.rejects(roomy.stepUp({ code: codes.at(steps) }, { token }), badCode);
  await roomy.stepUp({ code: recoveryCodes[0] ?? "" }, { token });
});

test("wrong codes lock the account as wrong passwords do, at sign-in and at step-up, and count together", async () => {
  const { codes, token } = await enrolled("clara");
  const locked = { code: "RESOURCE_EXHAUSTED", reason: "SIGN_IN_LOCKED" };
  await assert.rejects(withCode("clara", "000000"), badCode);
  // A right password without a code is no wrong credential, and forgives none.
  await assert.rejects(signIn(client, { username: "clara" }), { reason: "SECOND_FACTOR_REQUIRED" });
  await assert.rejects(client.stepUp({ code: "no code" }, { token }), badCode);
  await assert.rejects(signIn(client, { username: "clara", password: "wrong password" }), {
    reason: "BAD_CREDENTIALS",
  });
  await assert.rejects(withCode("clara", codes.at(1)), locked);
  await assert.rejects(client.stepUp({ code: codes.at(1) }, { token }), locked);
  // Sessions there are go on, and an admin opens the account.
  await client.whoAmI({}, { token });
  await client.enableUser({ username: "clara" }, { token: admin });
  await withCode("clara", codes.at(1));
});

test("a burst of guesses at step-up is counted one by one", async () => {
  const { token } = await enrolled("delia");
  const guesses = Array.from({ length: 30 }, (_, i) => client.stepUp({ code: String(i).padStart(6, "0") }, { token }));
  const reasons = (await Promise.allSettled(guesses)).map((result) =>
    result.status === "rejected" ? result.reason.reason : "stepped up",
  );
  const judged = reasons.filter((reason) => reason === "BAD_CODE").length;
  assert.equal(judged, 3);
});

test("of a burst that holds the right password none is told so once the account is closed", async () => {
  await enrolled("oda");
  const guess = (index: number) =>
    signIn(client, { username: "oda", ...(index < 10 && { password: "wrong password" }) });
  const results = await Promise.allSettled(Array.from({ length: 40 }, (_, index) => guess(index)));
  const reasons = results.map((result) => (result.status === "rejected" ? result.reason.reason : "signed in"));
  assert.equal(reasons.filter((reason) => reason === "BAD_CREDENTIALS").length, 3);
  assert.equal(reasons.filter((reason) => reason === "SIGN_IN_LOCKED").length, 37);
});

test("each recovery code stands in once, however it is typed; those of others and made-up ones do not", async () => {
  const { recoveryCodes } = await enrolled("edda");
  const other = await enrolled("frida");
  assert.equal(recoveryCodes.length, 10);
  const [first = "", second = ""] = recoveryCodes;
  assert.match(first, /^([0-9a-z]{4}-){3}[0-9a-z]{4}$/);
  const reply = await withCode("edda", first);
  assert.deepEqual(decodeJwt(reply.accessToken).amr, ["pwd", "mfa"]);
  await assert.rejects(withCode("edda", first), badCode);
  await assert.rejects(withCode("edda", other.recoveryCodes[0] ?? ""), badCode);
  await withCode("edda", second.toUpperCase().replaceAll("-", ""));
});

test("a recovery code opens what the guesses of others closed; codes of the app, and what is none, do not", async () => {
  const { codes, recoveryCodes } = await enrolled("nadja");
  const [first = "", second = ""] = recoveryCodes;
  const guess = () => signIn(client, { username: "nadja", password: "wrong password" });
  for (let i = 0; i < 3; i++) await assert.rejects(guess(), { reason: "BAD_CREDENTIALS" });
  const locked = { reason: "SIGN_IN_LOCKED" };
  await assert.rejects(withCode("nadja", codes.at(1)), locked);
  await assert.rejects(withCode("nadja", "0000-0000-0000-0000"), locked);
  // It is no password: with a wrong one it is spent for nothing.
  const wrongPassword = { tenant: "acme", username: "nadja", password: "wrong password", code: first };
  await assert.rejects(client.signIn(wrongPassword), locked);
  await assert.rejects(withCode("nadja", first), locked);
  const { accessToken } = await withCode("nadja", second);
  assert.deepEqual(decodeJwt(accessToken).amr, ["pwd", "mfa"]);
  await withCode("nadja", codes.at(1));
});

test("a role that asks for a second factor counts after a step-up, says so before, and lapses", async () => {
  const permissions = ["system:monitor", "system:admin"];
  const secondFactor = { withinS: 900, permissions: ["system:admin"] };
  await client.applyResource(
    { kind: "Role", name: "keeper", spec: { permissions, constraints: { secondFactor } } },
    { token: admin },
  );
  const { codes } = await enrolled("greta", ["keeper"]);
  const fresh = await withCode("greta", codes.at(1));
  await eventually(async () => (await exchanged(client, fresh.accessToken)) && true, { what: "the role" });
  await createUser(client, admin, "gerd", ["keeper"]);
  const gerd = await signIn(client, { username: "gerd" });
  const token = await exchanged(client, gerd.accessToken);
  const disable = (by: string) => client.disableUser({ username: "nobody" }, { token: by });
  await assert.rejects(disable(token), {
    code: "PERMISSION_DENIED",
    reason: "STEP_UP_REQUIRED",
    message: /StepUp.*authenticator/,
  });
  await client.listUsers({}, { token });
  assert.deepEqual((await client.whoAmI({}, { token })).stepUpPermissions, ["system:admin"]);
  // One who has none is told to set one up; once that is done, the session there is may do it.
  await assert.rejects(client.stepUp({ code: "123456" }, { token }), { reason: "NO_SECOND_FACTOR" });
  const { secret } = await client.enrolTotp({}, { token });
  const { tokens } = await client.confirmTotp({ code: app(secret).at(0) }, { token });
  const stepped = await exchanged(client, tokens?.accessToken ?? "");
  await assert.rejects(disable(stepped), { reason: "USER_NOT_FOUND" });
  assert.equal(decodeJwt(tokens?.accessToken ?? "").sid, decodeJwt(gerd.accessToken).sid);
  // The token in hand did not change, and the successor of the refresh token in hand has stepped up too.
  await assert.rejects(disable(await exchanged(client, gerd.accessToken)), { reason: "STEP_UP_REQUIRED" });
  const renewed = await client.refreshToken({ refreshToken: gerd.refreshToken });
  await assert.rejects(disable(await exchanged(client, renewed.accessToken)), { reason: "USER_NOT_FOUND" });
  const explained = { subject: String(decodeJwt(token).sub), permission: "system:admin" };
  const without = await client.checkAccess(explained, { token: admin });
  assert.equal(without.allowed, false);
  assert.match(without.reason, /900 s after a second factor/);
  assert.equal((await client.checkAccess({ ...explained, secondFactor: true }, { token: admin })).allowed, true);
});

test("an internal token ends when its second factor is too old for what it grants", async () => {
  const constraints = { secondFactor: { withinS: 30 } };
  await client.applyResource(
    { kind: "Role", name: "brief", spec: { permissions: ["agent:delete"], constraints } },
    { token: admin },
  );
  const { codes } = await enrolled("hanna", ["brief"]);
  const { accessToken } = await withCode("hanna", codes.at(1));
  const reply = await eventually(
    async () => {
      const found = await client.exchangeToken({ credential: { $case: "accessToken", value: accessToken } });
      return found.context?.permissions.includes("agent:delete") && found;
    },
    { what: "the role" },
  );
  const leftMs = (reply.expiresAt?.getTime() ?? 0) - Date.now();
  assert.ok(leftMs > 0 && leftMs <= 30_000, `it ends in ${leftMs} ms`);
});

test("API keys, agents and workloads never hold what needs a second factor, nor may they give or set one up", async () => {
  const { codes, token } = await enrolled("ines", ["keeper"]);
  const { secret } = await client.createApiKey({ name: "k", username: "ines" }, { token: admin });
  const byKey = await client.exchangeToken({ credential: { $case: "apiKey", value: secret }, audience: "auth" });
  assert.deepEqual(byKey.context?.permissions, ["system:monitor"]);
  assert.deepEqual(byKey.context?.stepUpPermissions, []);
  await assert.rejects(client.stepUp({ code: codes.at(0) }, { token: byKey.token }), { reason: "NOT_IN_PERSON" });
  await assert.rejects(client.enrolTotp({}, { token: byKey.token }), { reason: "NOT_IN_PERSON" });
  const subject = String(decodeJwt(token).sub);
  const behalf = { $case: "onBehalfOf", value: { tenant: "acme", subject } } as const;
  const forOwner = await runner.exchangeToken({ credential: behalf });
  assert.deepEqual(forOwner.context?.permissions, ["system:monitor"]);
  const fresh = await withCode("ines", codes.at(1));
  const passed = await exchanged(client, fresh.accessToken, "agent-runner");
  const acting = await runner.exchangeToken({
    credential: { $case: "accessToken", value: passed },
    actor: "agent:a",
    audience: "auth",
  });
  await assert.rejects(client.enrolTotp({}, { token: acting.token }), { reason: "NOT_IN_PERSON" });
  await client.whoAmI({}, { token: acting.token });
});

test("a second factor is set up only right after signing in, replaced only with the old one, and reset by another admin", async () => {
  const late = await mesh.client(await mesh.start({ secondFactor: { recentS: 1 } }));
  await createUser(client, admin, "jana");
  const token = await exchanged(client, (await signIn(client, { username: "jana" })).accessToken);
  await assert.rejects(client.confirmTotp({ code: "123456" }, { token }), { reason: "NOTHING_PENDING" });
  await eventually(() => isRefused(late.enrolTotp({}, { token }), "SIGN_IN_AGAIN"), { what: "the sign-in to be old" });
  const { secret } = await client.enrolTotp({}, { token });
  const old = app(secret);
  await assert.rejects(client.confirmTotp({ code: "000000" }, { token }), badCode);
  // Until it is confirmed, nothing asks for it.
  await signIn(client, { username: "jana" });
  await client.confirmTotp({ code: old.at(0) }, { token });
  await assert.rejects(client.confirmTotp({ code: old.at(0) }, { token }), { reason: "NOTHING_PENDING" });
  await eventually(() => isRefused(late.enrolTotp({}, { token }), "STEP_UP_REQUIRED"), { what: "the code to be old" });
  // A setup that was begun and left changes nothing.
  await client.enrolTotp({}, { token });
  await withCode("jana", old.at(1));
  await assert.rejects(client.resetSecondFactor({ username: "admin" }, { token: admin }), {
    reason: "CANNOT_RESET_SELF",
  });
  const reset = await client.resetSecondFactor({ username: "jana" }, { token: admin });
  assert.equal(reset.secondFactorEnrolled, false);
  await signIn(client, { username: "jana" });
  await assert.rejects(client.whoAmI({}, { token }), { reason: "BAD_TOKEN" });
});
