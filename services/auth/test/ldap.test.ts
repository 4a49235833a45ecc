import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { freePort } from "@agentmesh/harness";
import { decodeJwt } from "jose";
import { type AuthClient, type AuthMesh, adminToken, authMesh, createUser, exchanged, signIn } from "./auth-mesh.ts";
import { noSlapd, reader, type Slapd, startSlapd } from "./slapd.ts";

const password = "correct horse of the directory";

function person(uid: string, more = "", ou = "people"): string {
  return `dn: uid=${uid},ou=${ou},dc=example,dc=com
objectClass: inetOrgPerson
uid: ${uid}
cn: ${uid} of the directory
sn: ${uid}
mail: ${uid}@example.com
departmentNumber: support
userPassword: ${password}
${more}
`;
}

function unit(ou: string): string {
  return `dn: ou=${ou},dc=example,dc=com\nobjectClass: organizationalUnit\nou: ${ou}\n\n`;
}

const people = `${unit("people")}${unit("others")}${unit("groups")}${person("ada")}
${person("boris")}
${person("admin")}
${person("twin")}
${person("twin", "", "others")}
${person("locky")}
dn: uid=away,ou=people,dc=example,dc=com
objectClass: referral
objectClass: extensibleObject
uid: away
ref: ldap://127.0.0.1:1/uid=away,ou=people,dc=example,dc=com

dn: cn=mesh-operators,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: mesh-operators
member: uid=ada,ou=people,dc=example,dc=com
`;

const stack = new AsyncDisposableStack();
let mesh: AuthMesh;
let client: AuthClient;
let admin: string;
let slapd: Slapd;

before(async () => {
  if (noSlapd) return;
  mesh = stack.use(await authMesh());
  slapd = stack.use(await startSlapd(people));
  const secretsDir = await mkdtemp(join(dirname(mesh.environment.masterKeyFile), "identity-"));
  for (const name of ["corp", "tls", "other"]) await writeFile(join(secretsDir, `acme.${name}`), reader.password);
  await writeFile(join(secretsDir, "acme.wrong"), "not the reader's password");
  const federation = { secretsDir, privateHosts: ["localhost"] };
  client = await mesh.client(await mesh.start({ federation, lockOut: { freeFailures: 20 } }));
  admin = await adminToken(client);
  await applyDirectory("corp");
});

after(() => stack.disposeAsync());

function applyDirectory(name: string, more: object = {}) {
  const spec = {
    type: "ldap",
    url: slapd.url,
    caPem: slapd.caPem,
    bindDn: reader.dn,
    userBase: "dc=example,dc=com",
    groupBase: "ou=groups,dc=example,dc=com",
    groups: [{ group: "mesh-operators", roles: ["operator"] }],
    defaultRoles: ["workflow_runner"],
    ...more,
  };
  return client.applyResource({ kind: "IdentityProvider", name, spec }, { token: admin });
}

function enter(username: string, typed = password, provider = "corp") {
  return client.signIn({ tenant: "acme", username, password: typed, provider });
}

const options = { skip: noSlapd };
const badCredentials = { code: "UNAUTHENTICATED", reason: "BAD_CREDENTIALS" };

test(
  "a user of the directory signs in over StartTLS and over TLS, with the roles of their groups",
  options,
  async () => {
    await applyDirectory("tls", { url: slapd.tlsUrl });
    for (const provider of ["corp", "tls"]) {
      const who = provider === "corp" ? "Ada" : "boris";
      const reply = await enter(who, password, provider);
      assert.deepEqual(decodeJwt(reply.accessToken).amr, ["pwd"]);
      const me = await client.whoAmI({}, { token: await exchanged(client, reply.accessToken) });
      assert.deepEqual(
        [me.username, me.displayName, me.email, me.department, me.roles],
        provider === "corp"
          ? ["ada", "ada of the directory", "ada@example.com", "support", ["operator", "workflow_runner"]]
          : ["boris", "boris of the directory", "boris@example.com", "support", ["workflow_runner"]],
      );
    }
    // The same account again, and none of the mesh's own passwords opens it.
    await enter("ada");
    await assert.rejects(signIn(client, { username: "ada", password }), badCredentials);
    const { users } = await client.listUsers({}, { token: admin });
    assert.equal(users.filter(({ username }) => username === "ada").length, 1);
  },
);

test("empty passwords, other passwords and names that mean something in a filter open nothing", options, async () => {
  await enter("ada");
  for (const typed of ["", "wrong", `${password}\0`, "\0", `${password} `]) {
    await assert.rejects(enter("ada", typed), badCredentials, JSON.stringify(typed));
  }
  const names = [
    "*",
    "a*",
    "ada)(uid=*",
    "*)(objectClass=*",
    "ada\0",
    "ada\\2a",
    "\\61da",
    "",
    "(ada)",
    "ada)(|(uid=*",
  ];
  for (const name of names) await assert.rejects(enter(name), badCredentials, JSON.stringify(name));
  await assert.rejects(enter("nobody"), badCredentials);
  await assert.rejects(enter("ada", password, "nowhere"), badCredentials);
  await assert.rejects(client.signIn({ tenant: "other", username: "ada", password, provider: "corp" }), badCredentials);
});

test("two users of one name, referrals, and a name that another account has are refused", options, async () => {
  await assert.rejects(enter("twin"), { code: "FAILED_PRECONDITION", reason: "AMBIGUOUS_USER" });
  await assert.rejects(enter("away"), badCredentials);
  // A directory where somebody is called admin does not give them the mesh's admin.
  await assert.rejects(enter("admin"), { code: "UNAUTHENTICATED", reason: "USERNAME_TAKEN" });
  await applyDirectory("other", { userBase: "ou=people,dc=example,dc=com" });
  await assert.rejects(enter("twin", "wrong", "other"), badCredentials);
  await enter("twin", password, "other");
});

test(
  "a directory of another authority or name, in a private network or without TLS is not asked",
  options,
  async () => {
    const unusable = { code: "UNAVAILABLE", reason: "PROVIDER_UNUSABLE" };
    await applyDirectory("other", { caPem: undefined });
    await assert.rejects(enter("ada", password, "other"), unusable);
    await applyDirectory("other", { url: slapd.tlsUrl, caPem: undefined });
    await assert.rejects(enter("ada", password, "other"), unusable);
    await applyDirectory("other", { url: slapd.url.replace("localhost", "127.0.0.1") });
    await assert.rejects(enter("ada", password, "other"), { code: "PERMISSION_DENIED", reason: "PRIVATE_NETWORK" });
    await applyDirectory("wrong");
    await assert.rejects(enter("ada", password, "wrong"), unusable);
    // Whoever listens there hears nothing but the wish for TLS.
    const heard: Buffer[] = [];
    const port = await freePort();
    const listener = createServer((socket) => socket.on("data", (data) => heard.push(data) && socket.destroy()));
    listener.listen(port, "localhost");
    await once(listener, "listening");
    try {
      await applyDirectory("other", { url: `ldap://localhost:${port}` });
      await assert.rejects(enter("ada", password, "other"), unusable);
    } finally {
      listener.close();
    }
    const said = Buffer.concat(heard).toString("latin1");
    assert.ok(said.includes("1.3.6.1.4.1.1466.20037"));
    assert.ok(!said.includes(reader.password) && !said.includes("ada"));
  },
);

test("guesses at a directory are counted and lock, and a disabled account stays out", options, async () => {
  const strict = await mesh.client(
    await mesh.start({
      federation: { ...mesh.config().federation, privateHosts: ["localhost"] },
      lockOut: { firstMs: 600_000 },
    }),
  );
  const guess = () => strict.signIn({ tenant: "acme", username: "locky", password: "wrong", provider: "corp" });
  // That replica has no secret: what fails for its own reasons is no wrong password.
  for (let i = 0; i < 4; i++) await assert.rejects(guess(), { reason: "NO_PROVIDER_SECRET" });
  await enter("locky");
  for (let i = 0; i < 21; i++) await assert.rejects(enter("locky", "wrong"), badCredentials);
  await assert.rejects(enter("locky"), { code: "RESOURCE_EXHAUSTED", reason: "SIGN_IN_LOCKED" });
  await client.enableUser({ username: "locky" }, { token: admin });
  await enter("locky");
  await client.disableUser({ username: "locky" }, { token: admin });
  await assert.rejects(enter("locky"), { code: "UNAUTHENTICATED", reason: "ACCOUNT_DISABLED" });
  await createUser(client, admin, "still-here");
});
