// meshctl and the whole mesh: what a person does in the first five minutes.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { startMesh } from "@agentmesh/local";
import { readProfile, writeProfile } from "../src/meshctl/profile.ts";
import { totp } from "./authenticator.ts";
import { type Meshctl, meshctl } from "./meshctl.ts";

const resources = `
kind: Tool
name: orders
spec:
  description: Looks an order up
  effect: read
  parameters: { type: object, properties: { id: { type: string } }, required: [id] }
  source: { type: table, key: id, rows: [{ id: O-1, state: sent }] }
---
kind: Workflow
name: track
spec:
  description: Says where an order is
  input: { type: object, properties: { order: { type: string } }, required: [order] }
  steps:
    - { id: find, kind: tool, tool: orders, input: { id: $.input.order } }
  output: { state: $.steps.find.output.row.state }
`;

async function ok(run: Meshctl, ...args: string[]): Promise<string> {
  const { code, out, err } = await run(...args);
  assert.equal(code, 0, `meshctl ${args.join(" ")}: ${err}${out}`);
  return out;
}

test("sign in, declare, run, look, sign out: with the real mesh", { timeout: 180_000 }, async (t) => {
  const root = mkdtempSync(join(tmpdir(), "meshctl-mesh-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  await using mesh = await startMesh({ root, quiet: true });
  using run = meshctl();
  const login = ["login", "--address", mesh.gatewayAddress, "--tenant", mesh.tenant, "--username", mesh.adminUsername];
  assert.equal((await run.with({ input: "not the password\n" }, ...login)).code, 3);
  assert.equal((await run.with({ env: { AGENTMESH_PASSWORD: mesh.adminPassword } }, ...login)).code, 0);

  await t.test("a session is renewed by itself", async () => {
    const before = readProfile(run.home);
    assert.ok(before?.credential.kind === "session");
    writeProfile(run.home, { ...before, credential: { ...before.credential, expiresAtMs: Date.now() } });
    assert.match(await ok(run, "whoami"), /^user +admin$/m);
    const after = readProfile(run.home);
    assert.ok(after?.credential.kind === "session");
    assert.notEqual(after.credential.refreshToken, before.credential.refreshToken);
  });

  await t.test("resources are applied, compared, shown and deleted", async () => {
    const file = join(run.home, "track.yaml");
    writeFileSync(file, resources);
    assert.match(
      await ok(run, "apply", "-f", file),
      /Tool\/orders +created +v1\nWorkflow\/track +created +v1\n\n2 created/,
    );
    assert.match(await ok(run, "apply", "-f", file), /2 unchanged/);
    writeFileSync(file, resources.replace("Looks an order up", "Finds an order"));
    assert.match(
      await ok(run, "diff", "-f", file),
      /Tool\/orders {2}v1 → v2[\s\S]*- +description: Looks an order up\n.*\+ +description: Finds an order/,
    );
    assert.match(await ok(run, "get", "all"), /^Workflow +track +v1/m);
    assert.match(await ok(run, "describe", "tool", "orders"), /state: sent/);
    const copy = join(run.home, "copy.yaml");
    writeFileSync(copy, await ok(run, "get", "workflow", "track", "-o", "yaml"));
    assert.match(await ok(run, "diff", "-f", copy), /0 new, 0 changed, 1 the same/);
  });

  await t.test("a workflow is started, followed and described", async () => {
    // The mesh tells its services of new resources in the moments after an apply.
    const followed = await eventually(
      async () => {
        const result = await run("run", "workflow/track", "--watch", "--input", '{"order":"O-1"}');
        return result.code === 0 && result.out;
      },
      { what: "the workflow to succeed", timeoutMs: 30_000 },
    );
    assert.match(followed, /started track v1[\s\S]*✓ find\b[\s\S]*succeeded [\s\S]*state: sent/);
    const listed = JSON.parse(await ok(run, "runs", "--state", "succeeded", "--json"));
    const { id } = listed.runs[0];
    assert.match(await ok(run, "describe", "run", id), /^✓ find +succeeded +1 /m);
    assert.match(await ok(run, "run", "track", "--input", '{"order":"O-1"}'), /^[0-9a-f-]{36}\n$/);
    assert.equal((await run("watch", "01a1f99b-941a-7000-9d6e-000000000000")).code, 1);
  });

  await t.test("every list and report answers, for people and as JSON", async () => {
    const commands = [
      "mesh",
      "cost",
      "ledger",
      "budgets",
      "alerts",
      "slas",
      "cache stats",
      "rejections",
      "keys",
      "users",
    ];
    for (const command of [...commands, "audit list", "audit verify", "runs", "whoami"]) {
      assert.notEqual(await ok(run, ...command.split(" ")), "", command);
      JSON.parse(await ok(run, ...command.split(" "), "--json"));
    }
    assert.match(await ok(run, "classify", "my card is 4111 1111 1111 1111"), /^card +redact/m);
    assert.match(await ok(run, "api", "gateway/GetMesh"), /"serving": true/);
  });

  await t.test("an API key works until it is revoked", async () => {
    const { key, secret } = JSON.parse(
      await ok(run, "keys", "create", "ci", "--scope", "agent:read", "--days", "1", "--json"),
    );
    const env = { AGENTMESH_API_KEY: secret, AGENTMESH_ADDRESS: mesh.gatewayAddress };
    assert.equal((await run.with({ env }, "runs")).code, 0);
    assert.equal((await run.with({ env }, "delete", "workflow", "track")).code, 3, "the key is narrowed to agent:read");
    await ok(run, "keys", "revoke", key.id);
    await eventually(async () => (await run.with({ env }, "runs")).code === 3, { what: "the key to be refused" });
  });

  await t.test("a second factor opens what asks for one, and a sign-in asks for it", async () => {
    const role = join(run.home, "keeper.yaml");
    writeFileSync(
      role,
      "kind: Role\nname: keeper\nspec: { permissions: [system:admin, system:monitor], constraints: { secondFactor: {} } }\n",
    );
    await ok(run, "apply", "-f", role);
    assert.equal(
      (await run.with({ input: "a password of sonia\n" }, "users", "create", "sonia", "-r", "keeper")).code,
      0,
    );
    using sonia = meshctl();
    const env = { AGENTMESH_PASSWORD: "a password of sonia" };
    const enter = ["login", "--address", mesh.gatewayAddress, "--tenant", mesh.tenant, "--username", "sonia"];
    assert.equal((await sonia.with({ env }, ...enter)).code, 0);
    const { secret } = JSON.parse(await ok(sonia, "api", "EnrolTotp"));
    const refused = await eventually(
      async () => {
        const result = await sonia("keys");
        return result.err.includes("mfa step-up") && result;
      },
      { what: "the new role" },
    );
    assert.equal(refused.code, 3);
    const confirmed = JSON.parse(await ok(sonia, "api", "ConfirmTotp", JSON.stringify({ code: totp(secret, 0) })));
    assert.equal(confirmed.recoveryCodes.length, 10);
    assert.equal((await sonia.with({ input: "000000\n" }, "mfa", "step-up")).code, 3);
    assert.equal((await sonia.with({ input: `${totp(secret, 1)}\n` }, "mfa", "step-up")).code, 0);
    assert.match(await ok(sonia, "whoami"), /second factor +given/);
    const { key } = JSON.parse(await ok(sonia, "keys", "create", "k", "--json"));
    assert.match(await ok(sonia, "keys", "rotate", key.id), /^mk_/);
    const again = await sonia.with({ env }, ...enter);
    assert.equal(again.code, 3);
    assert.match(again.err, /second factor/);
    assert.equal((await sonia.with({ env }, ...enter, "--code", confirmed.recoveryCodes[0])).code, 0);
    await ok(run, "users", "disable", "sonia");
    assert.equal((await sonia.with({ env }, ...enter, "--code", confirmed.recoveryCodes[1])).code, 3);
    await ok(run, "users", "enable", "sonia");
    await ok(run, "users", "reset-second-factor", "sonia");
    assert.equal((await sonia.with({ env }, ...enter)).code, 0);
  });

  await t.test("signing out ends the session", async () => {
    const before = readProfile(run.home);
    assert.ok(before);
    await ok(run, "delete", "workflow", "track");
    await ok(run, "logout");
    writeProfile(run.home, before);
    await eventually(async () => (await run("whoami")).code === 3, { what: "the session to be refused" });
  });
});
