import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { decodeJwt, generateKeyPair } from "jose";
import type { AccountClaims } from "oidc-provider";
import { type AuthClient, type AuthMesh, adminToken, authMesh, createUser, exchanged, signIn } from "./auth-mesh.ts";
import { type HostileProvider, hostileProvider, type Lies } from "./hostile-provider.ts";
import { browse, callbackUri, type OidcServer, oidcClient, oidcServer } from "./oidc-server.ts";

const people = new Map<string, AccountClaims>([
  [
    "4711",
    {
      sub: "4711",
      preferred_username: "Ada",
      name: "Ada Lovelace",
      email: "ada@example.com",
      email_verified: true,
      groups: ["mesh-operators", "others"],
      department: "research",
    },
  ],
  ["4712", { sub: "4712", preferred_username: "admin", email: "root@example.com", groups: ["mesh-operators"] }],
]);

const stack = new AsyncDisposableStack();
let mesh: AuthMesh;
let client: AuthClient;
let admin: string;
let server: OidcServer;
let hostile: HostileProvider;
let nonce = "";

before(async () => {
  mesh = stack.use(await authMesh());
  server = stack.use(await oidcServer(people));
  hostile = stack.use(await hostileProvider(oidcClient.id, () => nonce));
  const secretsDir = await mkdtemp(join(dirname(mesh.environment.masterKeyFile), "identity-"));
  for (const name of ["corp", "evil", "hidden"])
    await writeFile(join(secretsDir, `acme.${name}`), `${oidcClient.secret}\n`);
  const federation = { secretsDir, privateHosts: ["localhost"] };
  client = await mesh.client(await mesh.start({ federation }));
  admin = await adminToken(client);
  await applyProvider("corp", server.issuer);
  await applyProvider("evil", hostile.issuer, { defaultRoles: ["workflow_runner"] });
});

after(() => stack.disposeAsync());

function applyProvider(name: string, issuer: string, more: object = {}) {
  const spec = {
    type: "oidc",
    issuer,
    clientId: oidcClient.id,
    redirectUris: [callbackUri],
    groups: [{ group: "mesh-operators", roles: ["operator"] }],
    claims: { department: "department" },
    ...more,
  };
  return client.applyResource({ kind: "IdentityProvider", name, spec }, { token: admin });
}

function start(provider = "corp", redirectUri = callbackUri, tenant = "acme") {
  return client.startSignIn({ tenant, provider, redirectUri });
}

async function signInAt(login: string) {
  const { authorizationUrl, handle } = await start();
  return client.finishSignIn({ handle, callbackUrl: await browse(authorizationUrl, login) });
}

test("somebody of the company signs in: account, profile and roles come from the provider, and nothing in clear", async () => {
  const { authorizationUrl, handle } = await start();
  const asked = new URL(authorizationUrl).searchParams;
  assert.equal(asked.get("code_challenge_method"), "S256");
  assert.ok(asked.get("nonce") && asked.get("state") && !authorizationUrl.includes(handle));
  const reply = await client.finishSignIn({ handle, callbackUrl: await browse(authorizationUrl, "4711") });
  assert.deepEqual(decodeJwt(reply.accessToken).amr, ["fed"]);
  const me = await client.whoAmI({}, { token: await exchanged(client, reply.accessToken) });
  assert.deepEqual(
    [me.username, me.displayName, me.email, me.department, me.roles],
    ["ada", "Ada Lovelace", "ada@example.com", "research", ["operator"]],
  );
  assert.ok(me.permissions.includes("agent:execute"));
  // Refreshed like any session, and the same person comes back to the same account with what changed meanwhile.
  await client.refreshToken({ refreshToken: reply.refreshToken });
  people.set("4711", { sub: "4711", preferred_username: "lovelace", groups: [] });
  const again = await signInAt("4711");
  const now = await client.whoAmI({}, { token: await exchanged(client, again.accessToken) });
  assert.deepEqual([now.subject, now.username, now.roles], [me.subject, "ada", []]);
  // There is no password that would open it.
  await assert.rejects(signIn(client, { username: "ada" }), { reason: "BAD_CREDENTIALS" });
  await client.disableUser({ username: "ada" }, { token: admin });
  await assert.rejects(signInAt("4711"), { code: "UNAUTHENTICATED", reason: "ACCOUNT_DISABLED" });
});

test("somebody whom no group gives a role does not come in, and has no account", async () => {
  people.set("99", { sub: "99", preferred_username: "anybody", groups: ["others"] });
  await assert.rejects(signInAt("99"), { code: "UNAUTHENTICATED", reason: "NOT_ADMITTED" });
  const { users } = await client.listUsers({}, { token: admin });
  assert.ok(!users.some(({ username }) => username === "anybody"));
  people.set("99", { sub: "99", preferred_username: "anybody", groups: ["mesh-operators"] });
  await signInAt("99");
});

test("a user name that is taken is no link, whoever the provider says it is", async () => {
  await assert.rejects(signInAt("4712"), { code: "UNAUTHENTICATED", reason: "USERNAME_TAKEN" });
  const { users } = await client.listUsers({}, { token: admin });
  assert.notEqual(users.find((user) => user.username === "admin")?.email, "root@example.com");
});

test("a sign-in is finished once, by who started it, at the address it was sent to", async () => {
  await createUser(client, admin, "bystander");
  people.set("1", { sub: "1", preferred_username: "one", groups: ["mesh-operators"] });
  const none = { code: "UNAUTHENTICATED", reason: "NO_PENDING_SIGN_IN" };
  const first = await start();
  const callbackUrl = await browse(first.authorizationUrl, "1");
  const other = await start();
  // Another's code in one's own sign-in: the state is not that of the handle.
  await assert.rejects(client.finishSignIn({ handle: other.handle, callbackUrl }), { reason: "PROVIDER_REFUSED" });
  const state = new URL(callbackUrl).searchParams.get("state") ?? "";
  for (const handle of ["", state, "x".repeat(43), `${first.handle}=`]) {
    await assert.rejects(client.finishSignIn({ handle, callbackUrl }), none);
  }
  const race = await Promise.allSettled(
    Array.from({ length: 10 }, () => client.finishSignIn({ handle: first.handle, callbackUrl })),
  );
  assert.equal(race.filter(({ status }) => status === "fulfilled").length, 1);
  for (const result of race) if (result.status === "rejected") assert.equal(result.reason.reason, "NO_PENDING_SIGN_IN");
  for (const elsewhere of ["https://evil.example/callback", "http://127.0.0.1:4180/other", "nonsense", ""]) {
    const { handle, authorizationUrl } = await start();
    const back = new URL(await browse(authorizationUrl, "1"));
    const forged = URL.canParse(elsewhere) ? `${elsewhere}${back.search}` : elsewhere;
    await assert.rejects(client.finishSignIn({ handle, callbackUrl: forged }), { reason: "BAD_CALLBACK" });
  }
  // The provider's own refusal is one.
  const refused = await start();
  const denied = `${callbackUri}?error=access_denied&state=${new URL(refused.authorizationUrl).searchParams.get("state")}`;
  await assert.rejects(client.finishSignIn({ handle: refused.handle, callbackUrl: denied }), {
    reason: "PROVIDER_REFUSED",
  });
});

test("browsers are sent back only where the provider's resource allows, on loopback at any port", async () => {
  const bad = { code: "INVALID_ARGUMENT", reason: "BAD_REDIRECT_URI" };
  const uris = [
    "https://evil.example/callback",
    "http://127.0.0.1:4180/callback/../other",
    "http://127.0.0.1:4180/callback#x",
    "http://127.0.0.1.evil.example/callback",
    "http://user@127.0.0.1:4180/callback",
    "http://localhost:4180/callback",
    "javascript:alert(1)",
    "",
  ];
  for (const uri of uris) await assert.rejects(start("corp", uri), bad, uri);
  await start("corp", "http://127.0.0.1:53123/callback");
  await assert.rejects(start("nope"), { reason: "PROVIDER_NOT_FOUND" });
  await assert.rejects(start("corp", callbackUri, "other"), { reason: "PROVIDER_NOT_FOUND" });
});

async function finishHostile(lies: Lies) {
  hostile.lie(lies);
  const { authorizationUrl, handle } = await start("evil");
  const query = new URL(authorizationUrl).searchParams;
  nonce = query.get("nonce") ?? "";
  const callbackUrl = `${callbackUri}?code=c&state=${query.get("state")}`;
  return { reply: await client.finishSignIn({ handle, callbackUrl }), query };
}

test("an ID token is refused unless the provider signed it, for us, for this sign-in, now", async () => {
  const { query } = await finishHostile({});
  assert.ok(query.get("code_challenge"));
  assert.ok((hostile.tokenRequest().get("code_verifier") ?? "").length >= 43);
  const foreign = await generateKeyPair("RS256");
  const nowS = Math.floor(Date.now() / 1000);
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const cases: Record<string, Lies> = {
    "another audience": { claims: { aud: "somebody-else" } },
    "several audiences, authorised for another": { claims: { aud: [oidcClient.id, "x"], azp: "x" } },
    "another issuer": { claims: { iss: "http://localhost:1" } },
    "another nonce": { claims: { nonce: "replayed" } },
    "no nonce": { claims: { nonce: undefined } },
    expired: { claims: { exp: nowS - 120, iat: nowS - 300 } },
    "no end": { claims: { exp: undefined } },
    "not valid yet": { claims: { nbf: nowS + 600 } },
    "no subject": { claims: { sub: undefined } },
    "another key": { signWith: foreign.privateKey },
    "an unknown key": { signWith: foreign.privateKey, header: { kid: "other" } },
    "the client's secret as key": { signWith: Buffer.from(oidcClient.secret), header: { alg: "HS256" } },
    "no signature": { idToken: (honest) => `${encoded({ alg: "none" })}.${honest.split(".")[1]}.` },
    "a signature cut off": { idToken: (honest) => `${honest.split(".").slice(0, 2).join(".")}.` },
    "changed claims": {
      idToken: (honest) => {
        const [head, body = "", mac] = honest.split(".");
        const claims = JSON.parse(Buffer.from(body, "base64url").toString());
        return `${head}.${encoded({ ...claims, sub: "4711" })}.${mac}`;
      },
    },
    "no ID token": { idToken: () => undefined },
    "userinfo of another": { userinfo: { sub: "4711" } },
  };
  for (const [what, lies] of Object.entries(cases)) {
    await assert.rejects(finishHostile(lies), { code: "UNAUTHENTICATED", reason: "PROVIDER_REFUSED" }, what);
  }
  // What is signed wins over what is not.
  const { reply } = await finishHostile({ userinfo: { preferred_username: "admin", groups: ["mesh-operators"] } });
  assert.equal((await client.whoAmI({}, { token: await exchanged(client, reply.accessToken) })).username, "mallory");
});

test("discovery reaches nothing private, follows nowhere, takes no more than it may, and believes one issuer", async () => {
  const unusable = { code: "UNAVAILABLE", reason: "PROVIDER_UNUSABLE" };
  // Another client id each time: what was discovered is remembered.
  let count = 0;
  async function discover(lies: Lies, issuer = hostile.issuer) {
    hostile.lie(lies);
    await applyProvider("hidden", issuer, { clientId: `c${++count}` });
    return start("hidden");
  }
  await discover({});
  await assert.rejects(discover({ discovery: { issuer: "https://accounts.example.com" } }), unusable);
  const redirect = (response: ServerResponse) =>
    response.writeHead(302, { location: `${server.issuer}/.well-known/openid-configuration` }).end();
  await assert.rejects(discover({ answer: { "/.well-known/openid-configuration": redirect } }), unusable);
  const flood = (response: ServerResponse) =>
    response.setHeader("content-type", "application/json").end(`{"x":"${"x".repeat(1024 * 1024)}"}`);
  await assert.rejects(discover({ answer: { "/.well-known/openid-configuration": flood } }), unusable);
  await assert.rejects(discover({ discovery: { authorization_endpoint: "javascript:alert(1)" } }), {
    reason: "BAD_DISCOVERY",
  });
  const port = new URL(hostile.issuer).port;
  const addresses = [
    "https://127.0.0.1",
    "https://[::1]",
    "https://[::ffff:127.0.0.1]",
    "https://10.0.0.1",
    "https://169.254.169.254",
    "https://0.0.0.0",
    `http://127.0.0.1:${port}`,
    `http://2130706433:${port}`,
    `http://0x7f.1:${port}`,
  ];
  for (const address of addresses) {
    await assert.rejects(discover({}, address), (error: Error) => {
      assert.ok(["PRIVATE_NETWORK", "NO_TLS", "PROVIDER_UNUSABLE"].includes(String(Reflect.get(error, "reason"))));
      return true;
    });
    assert.equal(hostile.asked.size, 0, `${address} was asked`);
  }
  // A document that points inside is believed for the page a person sees, and asked for nothing.
  hostile.lie({ discovery: { token_endpoint: "https://169.254.169.254/latest", jwks_uri: "https://10.0.0.1/jwks" } });
  await applyProvider("hidden", hostile.issuer, { clientId: "inside" });
  const { authorizationUrl, handle } = await start("hidden");
  const state = new URL(authorizationUrl).searchParams.get("state");
  await assert.rejects(
    client.finishSignIn({ handle, callbackUrl: `${callbackUri}?code=c&state=${state}` }),
    (error: Error) => ["PRIVATE_NETWORK", "PROVIDER_REFUSED"].includes(String(Reflect.get(error, "reason"))),
  );
});

test("roles that do not exist, secrets in the resource and providers without a secret are refused", async () => {
  await assert.rejects(applyProvider("x", server.issuer, { defaultRoles: ["ghost"] }), { reason: "UNKNOWN_ROLE" });
  await assert.rejects(applyProvider("x", server.issuer, { clientSecret: "s" }), { code: "INVALID_ARGUMENT" });
  await assert.rejects(applyProvider("x", "ftp://example.com"), { code: "INVALID_ARGUMENT" });
  await applyProvider("bare", server.issuer);
  await assert.rejects(start("bare"), { code: "FAILED_PRECONDITION", reason: "NO_PROVIDER_SECRET" });
});
