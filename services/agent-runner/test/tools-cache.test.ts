import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";

// What tools do decides what the cache may answer.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let token: string;

before(async () => {
  stack = new AsyncDisposableStack();
  mesh = await startTestMesh(stack);
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada" });
});
after(() => stack.disposeAsync());

const parameters = { type: "object", properties: { what: { type: "string" } } };
const semantic = { instructions: "answer", temperature: 0, cache: { mode: "semantic" } };

function apply(kind: string, name: string, spec: object) {
  return mesh.runner.applyResource({ kind, name, spec }, { token });
}

function applyTool(name: string, effect: string) {
  return apply("Tool", name, { description: name, effect, parameters, source: { type: "identity" } });
}

test("semantic is refused, by its path, with tools that do something and with a temperature that changes answers", async () => {
  await applyTool("look", "read");
  await applyTool("send", "effectful");
  await applyTool("put", "idempotent");
  for (const [tool, effect] of [
    ["send", "effectful"],
    ["put", "idempotent"],
  ] as const) {
    await assert.rejects(apply("Agent", "alike", { ...semantic, tools: ["look", tool] }), {
      code: "INVALID_ARGUMENT",
      reason: "SEMANTIC_WITH_EFFECTS",
      field: "spec.cache.mode",
      message: new RegExp(`${tool} is ${effect}`),
    });
    await apply("Agent", "exactly", { ...semantic, cache: { mode: "exact" }, tools: [tool] });
  }
  await assert.rejects(apply("Agent", "alike", { ...semantic, temperature: 0.3 }), {
    code: "INVALID_ARGUMENT",
    message: /cache\.mode.*0\.2.*0\.3/s,
  });
});

test("a tool that gets an effect later ends the search for other wordings, and each run says so", async () => {
  await applyTool("mutable", "read");
  await apply("Agent", "changing", { ...semantic, tools: ["mutable"] });
  const run = (text: string) => mesh.runner.runAgent({ agent: "changing", text }, { token });
  assert.equal((await run("How do I reset my password?")).cacheBypass, "");
  await applyTool("mutable", "effectful");
  const bypassed = await eventually(
    async () => {
      const ended = await run("How could I reset my password?");
      return ended.cacheBypass !== "" && ended;
    },
    { what: "the run to know the new tool" },
  );
  assert.deepEqual([bypassed.cache, bypassed.cacheBypass], ["none", "semantic: the tool mutable is effectful"]);
  const kept = await mesh.runner.getAgentRun({ id: bypassed.id }, { token });
  assert.equal(kept.cacheBypass, bypassed.cacheBypass);
  const metrics = await (await fetch(`http://127.0.0.1:${mesh.running.adminPort}/metrics`)).text();
  assert.match(metrics, /agentmesh_runner_cache_bypassed_total\{[^}]*reason="tool_effect"[^}]*\} [1-9]/);
});
