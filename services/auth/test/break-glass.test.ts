import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { EVENTS_STREAM } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { SignInAttempted } from "@agentmesh/proto/auth";
import { AuditRecorded } from "@agentmesh/proto/compliance";
import type { Foundation } from "@agentmesh/service";
import { decodeJwt } from "jose";
import { type AuthClient, type AuthMesh, adminToken, authMesh, createUser, exchanged, isRefused } from "./auth-mesh.ts";

let mesh: AuthMesh;
let client: AuthClient;
let admin: string;
let peer: Foundation;

before(async () => {
  mesh = await authMesh();
  client = await mesh.client(await mesh.start({ tokens: { refreshGraceMs: 0 } }));
  admin = await adminToken(client);
  peer = await mesh.peer("alerting");
  await client.applyResource(
    {
      kind: "Role",
      name: "keeper",
      spec: { permissions: ["system:admin", "system:monitor"], constraints: { secondFactor: { withinS: 900 } } },
    },
    { token: admin },
  );
  await createUser(client, admin, "ada", ["keeper"]);
});

after(() => mesh[Symbol.asyncDispose]());

const script = fileURLToPath(new URL("../src/break-glass.ts", import.meta.url));
const reason = "the identity provider is down, ticket 4711";

async function breakGlass(
  options: { tenant?: string; username?: string; reason?: string; masterKeyFile?: string } = {},
) {
  const { environment } = mesh;
  const { tenant = "acme", username = "ada", masterKeyFile = environment.masterKeyFile } = options;
  const named = ["--tenant", tenant, "--username", username, "--reason", options.reason ?? reason];
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...named], {
    env: {
      NATS_URL: "nats://127.0.0.1:1",
      POSTGRES_URL: environment.postgresUrl,
      WORKLOAD_KEY_FILE: environment.workloadKeyFile,
      WORKLOAD_TRUST_FILE: environment.workloadTrustFile,
      MASTER_KEY_FILE: masterKeyFile,
    },
  });
  return stdout.trim().split("\n").at(-1) ?? "";
}

async function messages<T>(subject: string, read: (bytes: Uint8Array) => T): Promise<T[]> {
  const consumer = await peer.bus.js.consumers.get(EVENTS_STREAM, { filter_subjects: subject });
  const found: T[] = [];
  for await (const message of await consumer.fetch({ max_messages: 200, expires: 1000 }))
    found.push(read(message.data));
  return found;
}

test("an operator opens a short session for an account, which counts as with a second factor, once, and loudly", async () => {
  const token = await breakGlass();
  assert.match(token, /^mr_/);
  const first = await client.refreshToken({ refreshToken: token });
  assert.deepEqual(decodeJwt(first.accessToken).amr, ["break_glass", "mfa"]);
  const internal = await exchanged(client, first.accessToken);
  const me = await client.whoAmI({}, { token: internal });
  assert.ok(me.permissions.includes("system:admin"));
  const leftMs = Number(me.sessionExpiresAt) - Date.now();
  assert.ok(leftMs > 0 && leftMs <= 30 * 60_000);
  // The token has been used: a second use ends what the first opened.
  await assert.rejects(client.refreshToken({ refreshToken: token }), { reason: "REFRESH_TOKEN_REUSED" });
  await eventually(() => isRefused(exchanged(client, first.accessToken), "BAD_TOKEN"), { what: "the session's end" });
  const audited = await eventually(
    async () => {
      const all = await messages("evt.acme.auth.audit.recorded.>", (bytes) => AuditRecorded.decode(bytes).entry);
      return all.find((entry) => entry?.action === "session.break_glass");
    },
    { what: "the audit entry" },
  );
  assert.deepEqual([audited.subject, audited.resource, audited.reason], ["system:operator", "Account/ada", reason]);
  const events = await messages("evt.acme.auth.auth.sign_in.attempted.ada", (bytes) => SignInAttempted.decode(bytes));
  assert.deepEqual(
    events.map(({ reason: why, succeeded }) => [why, succeeded]),
    [["break_glass", true]],
  );
});

test("without a reason, an enabled user or the right master key there is none", async () => {
  await client.createUser({ username: "robot", serviceAccount: true }, { token: admin });
  await createUser(client, admin, "gone");
  await client.disableUser({ username: "gone" }, { token: admin });
  const refusals: [Parameters<typeof breakGlass>[0], RegExp][] = [
    [{ reason: "" }, /say why/],
    [{ username: "nobody" }, /has no user "nobody"/],
    [{ username: "robot" }, /has no user "robot"/],
    [{ username: "gone" }, /has no user "gone"/],
    [{ tenant: "globex" }, /globex has no user/],
    [{ masterKeyFile: "/nowhere" }, /nowhere/],
  ];
  for (const [options, stderr] of refusals) await assert.rejects(breakGlass(options), { code: 1, stderr });
  await client.refreshToken({ refreshToken: await breakGlass() });
});
