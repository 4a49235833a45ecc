// docs/roles.md as it is written, and what its roles come to in the whole mesh.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { startMesh } from "@agentmesh/local";
import { type Meshctl, meshctl, type Ran } from "./meshctl.ts";

const page = readFileSync(new URL("../../../docs/roles.md", import.meta.url), "utf8");

type Shown = { readonly args: string[]; readonly out: string };

/** Commands of the page with what they are said to print. */
function shownCommands(): Shown[] {
  const plain = page.replace(/^```yaml\n[\s\S]*?^```$/gm, "");
  const blocks = [...plain.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
  return blocks.flatMap((block) =>
    block.split(/^\$ meshctl /m).flatMap((text) => {
      const [line = "", ...out] = text.split("\n");
      const args = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
      return args.length > 0 ? [{ args, out: out.join("\n") }] : [];
    }),
  );
}

const agents = ["support-mail", "finance"]
  .map((name) => `kind: Agent\nname: ${name}\nspec: { description: ${name}, instructions: Answer shortly. }\n`)
  .join("---\n");

const workflow = `---
kind: Workflow
name: triage
spec:
  description: Asks two agents
  steps:
    - { id: own, kind: agent, agent: support-mail, input: { text: hello } }
    - { id: other, kind: agent, agent: finance, input: { text: hello }, dependsOn: [own] }
`;

/** What a command prints in the end: roles reach every replica within a second. */
async function settled(run: () => Promise<Ran>, expected: string): Promise<string> {
  let last = "";
  const isThere = async () => {
    last = (await run()).out;
    return last === expected;
  };
  await eventually(isThere, { what: "the answer" }).catch(() => undefined);
  return last;
}

async function ok(run: Meshctl, ...args: string[]): Promise<string> {
  const { code, out, err } = await run(...args);
  assert.equal(code, 0, `meshctl ${args.join(" ")}: ${err}${out}`);
  return out;
}

test("the page runs as it is written, and its roles hold in the whole mesh", { timeout: 180_000 }, async (t) => {
  const root = mkdtempSync(join(tmpdir(), "meshctl-roles-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  await using mesh = await startMesh({ root, quiet: true });
  using admin = meshctl();
  const password = "a password of theirs";
  const login = (run: Meshctl, username: string, secret: string) =>
    run.with(
      { env: { AGENTMESH_PASSWORD: secret } },
      ...["login", "--address", mesh.gatewayAddress, "--tenant", mesh.tenant, "--username", username],
    );
  assert.equal((await login(admin, mesh.adminUsername, mesh.adminPassword)).code, 0);
  const files = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = ""], index) => {
    const path = join(admin.home, `${index}.yaml`);
    writeFileSync(path, text);
    return path;
  });
  assert.equal(files.length, 2);
  writeFileSync(join(admin.home, "desk.yaml"), agents + workflow);
  await ok(
    admin,
    ...[...files, join(admin.home, "desk.yaml")].flatMap((path) => ["-f", path]).toSpliced(0, 0, "apply"),
  );

  await t.test("its commands print what it says they do", async () => {
    const commands = shownCommands();
    assert.ok(commands.length >= 7);
    for (const { args, out } of commands) {
      if (args[0] === "apply") continue;
      if (args[0] !== "can") {
        const made = await admin.with({ input: `${password}\n` }, ...args);
        assert.equal(made.code, 0, made.err);
        continue;
      }
      assert.equal(await settled(() => admin(...args), out), out);
      assert.equal((await admin(...args)).code, out.startsWith("yes") ? 0 : 1);
    }
  });

  await t.test("ada runs what her role names, and the refusal of the rest says what she holds", async () => {
    using ada = meshctl();
    assert.equal((await login(ada, "ada", password)).code, 0);
    assert.equal((await ada("can", "agent:execute", "on", "agent/support-mail")).code, 0);
    await ok(ada, "run", "agent/support-mail", "--text", "hello");
    const refused = await ada("run", "agent/finance", "--text", "hello");
    assert.equal(refused.code, 3);
    assert.match(refused.err, /may agent:execute on agent\/support-\*, workflow\/triage only, not on agent\/finance/);
    assert.equal((await ada("can", "agent:execute", "on", "agent/finance")).code, 1);
    assert.equal(
      (await ada("can", "agent:execute", "--user", mesh.adminUsername)).code,
      3,
      "others are asked about by admins",
    );
    assert.equal((await ada("can", "agent:execute", "agent/a", "agent/b")).code, 2);
    assert.equal((await ada("can", "agent:execute", "--at", "noon")).code, 2);
    // She starts the workflow, whose second step runs an agent that she may not.
    const run = await ada("run", "workflow/triage", "--watch");
    assert.notEqual(run.code, 0);
    assert.match(run.out + run.err, /✓ own[\s\S]*✗ other/);
    assert.match(run.out + run.err, /not on agent\/finance/);
  });
});
