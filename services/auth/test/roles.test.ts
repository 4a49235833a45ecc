import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import {
  type AuthClient,
  type AuthMesh,
  adminToken,
  authMesh,
  createUser,
  exchanged,
  isRefused,
  signIn,
} from "./auth-mesh.ts";

let mesh: AuthMesh;
let client: AuthClient;
let orchestrator: AuthClient;
let token: string;

before(async () => {
  mesh = await authMesh();
  const port = await mesh.start();
  client = await mesh.client(port);
  orchestrator = await mesh.client(port, "orchestrator");
  token = await adminToken(client);
});

after(() => mesh[Symbol.asyncDispose]());

function applyRole(name: string, spec: Record<string, unknown>) {
  return client.applyResource({ kind: "Role", name, spec }, { token });
}

function applyAccount(name: string, spec: Record<string, unknown>) {
  return client.applyResource({ kind: "ServiceAccount", name, spec }, { token });
}

async function permissionsOf(subject: string): Promise<string[]> {
  const credential = { $case: "onBehalfOf", value: { tenant: "acme", subject } } as const;
  return (await orchestrator.exchangeToken({ credential })).context?.permissions ?? [];
}

test("the tenant begins with the shipped roles", async () => {
  const { resources } = await client.listResources({ kind: "Role" }, { token });
  assert.deepEqual(
    resources.map((role) => role.name),
    ["admin", "agent_developer", "data_analyst", "operator", "workflow_runner"],
  );
});

test("roles inherit, changes of a parent reach the holder of a child, and nothing is granted without a role", async () => {
  await applyRole("reader", { permissions: ["agent:read"] });
  await applyRole("runner", { permissions: ["agent:execute"], inherits: ["reader"] });
  await applyAccount("bot", { displayName: "Bot", department: "support", project: "helpdesk", roles: ["runner"] });
  await eventually(async () => (await permissionsOf("svc:bot")).join() === "agent:execute,agent:read", {
    what: "the inherited permission",
  });
  await applyRole("reader", { permissions: ["agent:read", "data:read:public"] });
  await eventually(async () => (await permissionsOf("svc:bot")).includes("data:read:public"), {
    what: "the parent's new permission",
    timeoutMs: 2000,
  });
  await applyAccount("bot", { roles: [] });
  await eventually(async () => (await permissionsOf("svc:bot")).length === 0, {
    what: "the account without roles to hold nothing",
    timeoutMs: 2000,
  });
});

test("circles are refused, also when two applies race to close one", async () => {
  await applyRole("a", {});
  await applyRole("b", { inherits: ["a"] });
  await assert.rejects(applyRole("a", { inherits: ["b"] }), { code: "INVALID_ARGUMENT", reason: "ROLE_CYCLE" });
  await assert.rejects(applyRole("self", { inherits: ["self"] }), { reason: "ROLE_CYCLE" });
  await applyRole("x", {});
  await applyRole("y", {});
  const race = await Promise.allSettled([applyRole("x", { inherits: ["y"] }), applyRole("y", { inherits: ["x"] })]);
  assert.equal(race.filter((result) => result.status === "fulfilled").length, 1);
  await assert.rejects(applyRole("orphan", { inherits: ["ghost"] }), { reason: "UNKNOWN_ROLE" });
  await assert.rejects(client.deleteResource({ kind: "Role", name: "a" }, { token }), { reason: "ROLE_INHERITED" });
});

test("unknown permissions and the loss of the admin role are refused", async () => {
  await assert.rejects(applyRole("odd", { permissions: ["agent:fly"] }), { code: "INVALID_ARGUMENT" });
  await assert.rejects(applyRole("admin", { permissions: ["agent:read"] }), { reason: "ADMIN_ROLE" });
  await assert.rejects(client.deleteResource({ kind: "Role", name: "admin" }, { token }), { reason: "ADMIN_ROLE" });
});

test("a service account is an account as long as it is declared; a user's name and unknown roles are refused", async () => {
  await applyAccount("helper", { displayName: "Helper", department: "it", roles: ["workflow_runner"] });
  const user = (await client.listUsers({}, { token })).users.find((each) => each.username === "helper");
  assert.equal(user?.subject, "svc:helper");
  assert.equal(user?.serviceAccount, true);
  assert.deepEqual(user?.roles, ["workflow_runner"]);
  await client.deleteResource({ kind: "ServiceAccount", name: "helper" }, { token });
  await eventually(() => isRefused(permissionsOf("svc:helper"), "ACCOUNT_DISABLED"), {
    what: "the deleted account to be disabled",
    timeoutMs: 1000,
  });
  await applyAccount("helper", { roles: ["workflow_runner"] });
  await eventually(() => permissionsOf("svc:helper"), { what: "the account to be back", timeoutMs: 1000 });
  // What an admin disabled, an apply does not bring back.
  await client.disableUser({ username: "helper" }, { token });
  await applyAccount("helper", { displayName: "Again", roles: [] });
  await assert.rejects(permissionsOf("svc:helper"), { reason: "ACCOUNT_DISABLED" });
  await assert.rejects(applyAccount("stray", { roles: ["ghost"] }), { reason: "UNKNOWN_ROLE", field: "spec.roles" });
  await createUser(client, token, "una");
  await assert.rejects(applyAccount("una", {}), { reason: "USERNAME_TAKEN" });
});

test("constraints are judged where the caller comes from", async () => {
  await applyRole("office", { permissions: ["agent:read"], constraints: { networks: ["10.0.0.0/8"] } });
  await createUser(client, token, "olga", ["office"]);
  const { accessToken } = await signIn(client, { username: "olga", address: "10.0.0.9" });
  const from = async (remoteAddress: string) => {
    const credential = { $case: "accessToken", value: accessToken } as const;
    return (await client.exchangeToken({ credential, remoteAddress })).context?.permissions;
  };
  assert.deepEqual(await from("10.1.1.1"), ["agent:read"]);
  assert.deepEqual(await from("::ffff:10.1.1.1"), ["agent:read"]);
  assert.deepEqual(await from("192.0.2.1"), []);
  assert.deepEqual(await from(""), []);
});

test("access can be asked for and is explained: the rule that decides, and what stood against the others", async () => {
  const user = await createUser(client, token, "carl", ["data_analyst", "agent_developer"]);
  const check = (request: object) =>
    client.checkAccess({ subject: user.subject, permission: "agent:read", ...request }, { token });
  const analyst = { at: new Date("2026-11-20T12:00:00Z"), remoteAddress: "10.0.0.1" };
  const allowed = await check(analyst);
  assert.equal(allowed.reason, "role data_analyst grants agent:read");
  const rule = { path: ["data_analyst"], scope: "agent:read", allows: true, constraint: "", obstacle: "" };
  assert.deepEqual(allowed.rules, [rule]);
  const { subject, username, environment, remoteAddress } = allowed;
  assert.deepEqual([subject, username, remoteAddress], [user.subject, "carl", "10.0.0.1"]);
  assert.equal(environment, "development");
  const saturday = { at: new Date("2026-11-21T12:00:00Z") };
  assert.equal((await check(saturday)).reason, "role agent_developer grants agent:read");
  const production = await check({ ...saturday, environment: "production" });
  assert.equal(production.allowed, false);
  assert.deepEqual(
    production.rules.map(({ constraint }) => constraint),
    ["hours", "environments"],
  );
  const refused = await check({ permission: "agent:delete", ...analyst });
  assert.equal(refused.allowed, false);
  assert.match(refused.reason, /none of its roles \(data_analyst, agent_developer\) grants agent:delete/);
  await assert.rejects(check({ permission: "agent:fly" }), { reason: "UNKNOWN_PERMISSION" });
  await assert.rejects(check({ resource: "role/admin" }), { reason: "UNKNOWN_PERMISSION" });
  await assert.rejects(check({ subject: "user:ghost" }), { reason: "USER_NOT_FOUND" });
  assert.equal((await check({ subject: "Carl", ...analyst })).allowed, true, "by user name");
  await client.disableUser({ username: "carl" }, { token });
  assert.match((await check(analyst)).reason, /disabled/);
});

test("a permission on some resources is held on those, in tokens, in API keys, and where it is asked for", async () => {
  await applyRole("support", { permissions: ["agent:execute on agent/support-*", "agent:read", "agent:update"] });
  await applyRole("lead", { inherits: ["support"], permissions: ["agent:execute on workflow/triage"] });
  for (const wrong of ["agent:execute on role/x", "agent:execute on agent/a*b", "agent:fly on agent/x"]) {
    await assert.rejects(applyRole("wrong", { permissions: [wrong] }), { code: "INVALID_ARGUMENT" }, wrong);
  }
  const lena = await createUser(client, token, "lena", ["lead"]);
  await eventually(async () => (await permissionsOf(lena.subject)).length > 0, { what: "the roles to arrive" });
  assert.deepEqual(await permissionsOf(lena.subject), [
    "agent:execute on agent/support-*",
    "agent:execute on workflow/triage",
    "agent:read",
    "agent:update",
  ]);
  const make = (scopes: string[]) => client.createApiKey({ name: "narrow", username: "lena", scopes }, { token });
  await assert.rejects(make(["agent:execute on role/x"]), { reason: "UNKNOWN_PERMISSION" });
  const { secret } = await make(["agent:execute on agent/*", "agent:read on agent/support-mail", "system:admin"]);
  const byKey = await client.exchangeToken({ credential: { $case: "apiKey", value: secret } });
  assert.deepEqual(byKey.context?.permissions, [
    "agent:execute on agent/support-*",
    "agent:read on agent/support-mail",
  ]);
  // Anybody may ask about themselves, with what they came with.
  const own = await exchanged(client, (await signIn(client, { username: "lena" })).accessToken);
  const ask = (resource: string, as = own) =>
    client.checkAccess({ permission: "agent:execute", resource }, { token: as });
  assert.equal((await ask("agent/support-mail")).allowed, true);
  assert.equal((await ask("agent/support-*")).allowed, true);
  const finance = await ask("agent/finance");
  assert.equal(finance.allowed, false);
  assert.deepEqual(finance.rules[0]?.path, ["lead", "support"]);
  assert.equal(finance.rules[0]?.constraint, "resource");
  assert.equal((await ask("workflow/triage")).allowed, true);
  const narrowed = await ask("workflow/triage", byKey.token);
  assert.equal(narrowed.allowed, false);
  assert.match(
    narrowed.reason,
    /role lead grants agent:execute on workflow\/triage, but the credential in use holds less/,
  );
  await assert.rejects(client.checkAccess({ subject: "admin", permission: "agent:read" }, { token: own }), {
    reason: "MISSING_PERMISSION",
  });
});

test("fifty roles with fifty limited permissions each make a token that every service still takes", async () => {
  const roles = Array.from({ length: 50 }, (_, index) => `${"a-role-with-a-long-name-".repeat(2)}${index}`);
  for (const [index, role] of roles.entries()) {
    const permissions = Array.from({ length: 50 }, (_, each) => `agent:execute on agent/a${index}-${each}`);
    const constraints = index % 2 === 0 ? {} : { secondFactor: {} };
    await applyRole(role, { permissions: [...permissions, `agent:read on agent/prefix-${index}-*`], constraints });
  }
  await applyAccount("hoarder", { roles });
  const credential = { $case: "onBehalfOf", value: { tenant: "acme", subject: "svc:hoarder" } } as const;
  const held = await eventually(
    async () => {
      const { token: own } = await orchestrator.exchangeToken({ credential });
      const { permissions } = await client.whoAmI({}, { token: own });
      return permissions.includes("agent:read on agent/prefix-48-*") && { own, permissions };
    },
    { what: "the last role to arrive" },
  );
  assert.ok(held.own.length < 8 * 1024, `${held.own.length} characters`);
  // Prefixes come before names.
  assert.ok(held.permissions.includes("agent:execute on …"));
  assert.ok(held.permissions.includes("agent:execute on agent/a0-0"));
  const asked = client.checkAccess({ permission: "agent:execute", resource: "agent/a48-49" }, { token: held.own });
  assert.match((await asked).reason, /but the credential in use holds less/);
});

test("what a user may not do is refused by permission", async () => {
  await createUser(client, token, "paul", ["operator"]);
  const own = await exchanged(client, (await signIn(client, { username: "paul" })).accessToken);
  assert.equal((await client.whoAmI({}, { token: own })).clearance, "internal");
  await assert.rejects(client.createUser({ username: "x" }, { token: own }), { reason: "MISSING_PERMISSION" });
  await assert.rejects(client.createApiKey({ name: "x" }, { token: own }), { reason: "MISSING_PERMISSION" });
  await assert.rejects(client.applyResource({ kind: "Role", name: "x", spec: {} }, { token: own }), {
    reason: "MISSING_PERMISSION",
  });
  await client.listUsers({}, { token: own });
});
