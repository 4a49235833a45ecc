// The examples of docs/call-it.md, run as they are written, as one tenant's caller with a key.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { everything, startEdge, type TestEdge } from "./edge.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const key = `mk_${"k".repeat(43)}`;
const RUN = "019bfd9e-0000-7000-8000-000000000001";
const ended = {
  id: RUN,
  agent: "classifier",
  session: "s-1",
  state: "STATE_SUCCEEDED",
  text: '{"category":"billing"}',
  output: { category: "billing" },
  usage: { costNanoUsd: 12n },
};
let edge: TestEdge;
let env: NodeJS.ProcessEnv;

before(async () => {
  edge = await startEdge();
  edge.fleet.credentials.set(key, { permissions: everything });
  const { methods } = runnerContract;
  edge.fleet.on(methods.runAgent.path, async () => ended);
  edge.fleet.on(methods.streamAgent.path, async function* () {
    yield { runId: RUN, seq: 1, event: { $case: "started", value: { ...ended, state: "STATE_RUNNING" } } };
    yield { runId: RUN, seq: 2, event: { $case: "textDelta", value: ended.text } };
    yield { runId: RUN, seq: 3, event: { $case: "ended", value: ended } };
  } as never);
  edge.fleet.on(methods.completeChat.path, async () => ({
    id: "c",
    text: "Five days.",
    finish: "stop",
    usage: { outputTokens: 3n },
  }));
  edge.fleet.on(methods.listResources.path, async () => ({
    resources: [{ kind: "Agent", name: "classifier", spec: { description: "Sorts tickets" } }],
  }));
  edge.fleet.on(orchestratorContract.methods.listResources.path, async () => ({}));
  const bin = edge.environment.dir;
  const meshctl = join(bin, "meshctl");
  writeFileSync(meshctl, `#!/bin/sh\nexec "${process.execPath}" "${root}libs/client/src/meshctl/main.ts" "$@"\n`);
  chmodSync(meshctl, 0o755);
  env = {
    PATH: `${bin}:/usr/bin:/bin`,
    AGENTMESH_HOME: bin,
    MESH: `http://127.0.0.1:${edge.gateway.httpPort}`,
    AGENTMESH_ADDRESS: `127.0.0.1:${edge.gateway.port}`,
    AGENTMESH_API_KEY: key,
  };
});
after(() => edge[Symbol.asyncDispose]());

/** The first example below a heading, and what language it is in. */
function exampleOf(heading: string): { language: string; code: string } {
  const page = readFileSync(join(root, "docs/call-it.md"), "utf8");
  const section = page.split(/^## /m).find((one) => one.startsWith(`${heading}\n`)) ?? "";
  const [, language = "", code = ""] = /^```(\w+)\n([\s\S]*?)^```$/m.exec(section) ?? [];
  assert.notEqual(code, "", heading);
  return { language, code };
}

/** Where a package of that name is found, the example runs as it would with it installed. */
async function outputOf(heading: string): Promise<string> {
  const { language, code } = exampleOf(heading);
  const cwd = code.includes("@agentmesh/client") ? join(root, "libs/client") : join(root, "services/gateway");
  const [command, args] =
    language === "sh"
      ? ["bash", ["-euc", code]]
      : [process.execPath, ["--input-type=module-typescript", "--eval", code]];
  const { stdout } = await run(String(command), [...args], { cwd, env, timeout: 20_000 });
  return stdout;
}

test("curl", async () => {
  assert.equal(JSON.parse(await outputOf("curl")).output.category, "billing");
});

test("Server-Sent Events", async () => {
  const events = await outputOf("Server-Sent Events");
  assert.match(events, /id: 1\nevent: started\n[\s\S]*event: textDelta\n[\s\S]*id: 3\nevent: ended\n/);
});

test("OpenAI's client", async () => {
  assert.equal(await outputOf("OpenAI's client"), `${ended.text}\n${ended.text}\nFive days. 3\n`);
});

test("MCP", async () => {
  assert.equal(await outputOf("MCP"), "agent_classifier Sorts tickets\n{ category: 'billing' }\n");
});

test("gRPC, typed", async () => {
  assert.equal(await outputOf("gRPC, typed"), `${ended.text}STATE_SUCCEEDED 12n\n`);
});

test("meshctl", async () => {
  assert.match(await outputOf("meshctl"), /billing/);
});

test("A2A 1.0", async () => {
  const { result } = JSON.parse(await outputOf("A2A 1.0"));
  assert.deepEqual(result.task.artifacts[0].parts[0].data, { category: "billing" });
});
