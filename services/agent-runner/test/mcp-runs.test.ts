import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type AgentRun, AgentRun_State } from "@agentmesh/proto/runner";
import { startMcpServer, type TestMcpServer } from "./mcp-server.ts";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { completes, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// Agents with MCP tools through the real service: a real MCP server over stdio and over streamable HTTP. The embedded
// model calls tools by itself; what only a bad model would ask is scripted.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let upstream: ScriptedUpstream;
let server: TestMcpServer;
let token: string;
let servers: Record<"stdio" | "http", object>;

before(async () => {
  stack = new AsyncDisposableStack();
  upstream = stack.use(await startUpstream());
  server = stack.use(await startMcpServer());
  const script = fileURLToPath(new URL("./mcp-server.ts", import.meta.url));
  mesh = await startTestMesh(stack, {
    runner: {
      models: {
        default: "embedded/lexical-1",
        retryDelayMs: 10,
        providers: { openai: { apiKey: "sk-test", baseUrl: `${upstream.origin}/v1` } },
      },
      httpTools: { allowPrivateNetworks: true, identityHosts: [new URL(server.url).host] },
      mcp: { commands: { notes: { command: process.execPath, args: [script] } } },
    },
  });
  servers = { stdio: { transport: "stdio", command: "notes" }, http: { transport: "http", url: server.url } };
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada" });
});
after(() => stack.disposeAsync());

const query = { type: "object", properties: { query: { type: "string" } }, required: ["query"] };
const openai = {
  model: "openai/gpt-4.1-mini",
  instructions: "answer",
  limits: { turns: 3, timeoutMs: 9_000, retries: 0 },
};

async function applyTool(name: string, source: object, more: object = {}): Promise<void> {
  const spec = { description: name, effect: "read", parameters: query, source: { type: "mcp", ...source }, ...more };
  await mesh.runner.applyResource({ kind: "Tool", name, spec }, { token });
}

async function applyAgent(name: string, spec: object): Promise<void> {
  await mesh.runner.applyResource({ kind: "Agent", name, spec }, { token });
}

function run(agent: string, text: string, given = token): Promise<AgentRun> {
  return mesh.runner.runAgent({ agent, text }, { token: given });
}

/** Of the calls in the order the model asked for them; they are kept in the order in which they ended. */
function resultOf(ended: AgentRun, at = 0) {
  const asked = ended.toolCalls.toSorted((a, b) => a.id.localeCompare(b.id));
  const { result = "{}", failed = false } = asked[at] ?? {};
  return { failed, ...JSON.parse(result) };
}

for (const transport of ["stdio", "http"] as const) {
  test(`${transport}: the embedded model calls the tool, and the server learns for whom`, async () => {
    const tool = `find_${transport}`;
    await applyTool(tool, { server: servers[transport], tool: "note_find", passIdentity: true });
    const instructions = `Answer from the notes. First search them with ${tool}.`;
    await applyAgent(`reader-${transport}`, { instructions, tools: [tool] });
    const ended = await run(`reader-${transport}`, "How long does a refund take?");
    assert.equal(ended.state, AgentRun_State.SUCCEEDED, ended.failure?.message);
    const { found, told, failed } = resultOf(ended);
    assert.deepEqual([ended.toolCalls[0]?.tool, failed], [tool, false], ended.toolCalls[0]?.result);
    assert.match(found, /Refunds take five days/);
    assert.deepEqual([told["agentmesh/tenant"], told["agentmesh/subject"]], ["acme", "user:ada"]);
    assert.match(told["agentmesh/idempotencyKey"], new RegExp(ended.id));
    // It hangs on who asked: the next one is answered anew.
    assert.equal((await run(`reader-${transport}`, "How long does a refund take?")).cache, "none");
  });

  test(`${transport}: arguments the schema or the server refuses, errors and silence go back to the model`, async () => {
    await applyTool(`search_${transport}`, { server: servers[transport], tool: "note_find" });
    await applyTool(`fail_${transport}`, { server: servers[transport], tool: "fail" });
    await applyTool(`hang_${transport}`, { server: servers[transport], tool: "hang" }, { timeoutMs: 200 });
    const names = ["search", "fail", "hang"].map((name) => `${name}_${transport}`);
    await applyAgent(`tried-${transport}`, { ...openai, tools: names });
    const [search = "", fail = "", hang = ""] = names;
    const asked: [string, string][] = [
      [search, "{}"],
      [search, '{"query":""}'],
      [fail, '{"query":"x"}'],
      [hang, '{"query":"x"}'],
      [search, '{"query":"refund"}'],
    ];
    upstream.play(completes(null, asked), completes("done"));
    const ended = await run(`tried-${transport}`, "go");
    assert.deepEqual([ended.state, ended.text], [AgentRun_State.SUCCEEDED, "done"], ended.failure?.message);
    assert.deepEqual(
      ended.toolCalls.map((_, at) => resultOf(ended, at).failed),
      [true, true, true, true, false],
    );
    const codes = ended.toolCalls.map((_, at) => resultOf(ended, at).code);
    assert.deepEqual([codes[0], codes[2], codes[3]], ["BAD_ARGUMENTS", "TOOL_FAILED", "TOOL_TIMEOUT"]);
    assert.match(resultOf(ended, 1).error, /query/);
    const heard = JSON.parse(upstream.asked[1]?.body ?? "{}").messages.filter(
      (each: { role: string }) => each.role === "tool",
    );
    assert.match(heard[0].content, /BAD_ARGUMENTS.*query/);
    const told = Object.keys(resultOf(ended, 4).told);
    assert.deepEqual(
      told.filter((name) => /tenant|subject/.test(name)),
      [],
      "who asks is passed on only where declared",
    );
  });
}

test("a permission the caller lacks keeps the server from being called; an effect keeps the answer from being kept", async () => {
  const source = { server: servers.http, tool: "note_find" };
  await applyTool("guarded", source, { permission: "system:config" });
  await applyTool("effect", source, { effect: "effectful" });
  await applyAgent("clerk", { ...openai, tools: ["guarded"] });
  await applyAgent("doer", { ...openai, tools: ["effect"] });
  upstream.play(completes(null, [["guarded", '{"query":"x"}']]), completes("no"));
  const clerk = await mesh.callers.token({ permissions: ["agent:execute"], subject: "user:clerk" });
  assert.equal(resultOf(await run("clerk", "go", clerk)).code, "MISSING_PERMISSION");
  for (const _ of [1, 2]) {
    upstream.play(completes(null, [["effect", '{"query":"x"}']]), completes("did it"));
    const ended = await run("doer", "do it");
    assert.deepEqual([ended.cache, ended.text, resultOf(ended).failed], ["none", "did it", false]);
  }
});

test("a host that is not listed may not learn who asks", async () => {
  const other = { transport: "http", url: "http://127.0.0.1:1/mcp" };
  await assert.rejects(applyTool("curious", { server: other, tool: "x", passIdentity: true }), {
    reason: "IDENTITY_NOT_ALLOWED",
  });
});
