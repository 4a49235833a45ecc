import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { AppError } from "@agentmesh/errors";
import { saysNotMade } from "../src/domain/says-not-made.ts";
import type { ToolArguments } from "../src/domain/tool.ts";
import { type McpServer, toolSpec } from "../src/domain/tool-spec.ts";
import { builtinFunctions } from "../src/tools/functions/builtin.ts";
import { makeTool } from "../src/tools/make-tool.ts";
import { mcpTools } from "../src/tools/mcp/mcp-tools.ts";
import { type McpSessions, openMcpSessions } from "../src/tools/mcp/open-mcp-sessions.ts";
import { openHttpCaller } from "../src/tools/open-http-caller.ts";
import { startMcpServer } from "./mcp-server.ts";
import { noEffects } from "./no-effects.fixture.ts";

const script = fileURLToPath(new URL("./mcp-server.ts", import.meta.url));
const commands = {
  notes: { command: process.execPath, args: [script], env: { NODE_OPTIONS: "--title=notes-of-acme" } },
};
const stdio: McpServer = { transport: "stdio", command: "notes" };

function open(stack: AsyncDisposableStack, allowPrivateNetworks = true) {
  const http = stack.use(openHttpCaller({ allowPrivateNetworks }));
  const mcp = stack.use(openMcpSessions({ commands, http }));
  return { http, mcp, functions: builtinFunctions, effects: noEffects };
}

function caller(mcp: McpSessions, http: ReturnType<typeof openHttpCaller>, server: McpServer) {
  return async (tool: string, args: ToolArguments = {}, spec: object = {}, tenant = "acme") => {
    const parsed = toolSpec.parse({
      description: tool,
      effect: "read",
      parameters: { type: "object" },
      source: { type: "mcp", server, tool },
      ...spec,
    });
    const made = makeTool({ name: tool, version: 1 }, parsed, {
      http,
      mcp,
      functions: builtinFunctions,
      effects: noEffects,
    });
    return made.run(args, {
      signal: new AbortController().signal,
      idempotencyKey: "run-1:call-1",
      caller: { tenant, subject: "user:ada", permissions: new Set() },
      callAgent: () => Promise.reject(new Error("no agents here")),
    });
  };
}

test("our key goes into the arguments where the declaration says, whatever the model wrote there", async () => {
  await using stack = new AsyncDisposableStack();
  const { mcp, http } = open(stack);
  const call = caller(mcp, http, stdio);
  const effects = { mode: "keyed", field: "/query" };
  const said = await call("note_find", { query: "mine" }, { effect: "effectful", effects });
  assert.match(String(said), /Refunds take five days: run-1:call-1/);
});

test("stdio: a listed command is started once a tenant, with its own environment; errors, hangs and crashes are typed", async () => {
  await using stack = new AsyncDisposableStack();
  const { mcp, http } = open(stack);
  const call = caller(mcp, http, stdio);
  assert.equal(await call("note_add", { text: "buy milk" }), "kept 1 under run-1:call-1");
  assert.equal(await call("note_add", { text: "call Bo" }), "kept 2 under run-1:call-1");
  assert.deepEqual(JSON.parse(String(await call("note_list"))), {
    kept: ["buy milk", "call Bo"],
    title: "notes-of-acme",
  });
  assert.deepEqual(JSON.parse(String(await call("note_list", {}, {}, "globex"))).kept, [], "another tenant's process");
  await assert.rejects(call("fail"), { reason: "TOOL_FAILED", message: /the notebook is full/ });
  await assert.rejects(call("note_add", { text: "" }), /text/);
  await assert.rejects(call("hang", {}, { timeoutMs: 200 }), { reason: "TOOL_TIMEOUT", code: "DEADLINE_EXCEEDED" });
  await assert.rejects(call("crash"), { reason: "MCP_UNAVAILABLE", code: "UNAVAILABLE" });
  assert.deepEqual(JSON.parse(String(await call("note_list"))).kept, [], "a new process after the crash");
});

test("streamable HTTP: one session is shared, another is opened after the server forgot it", async () => {
  await using stack = new AsyncDisposableStack();
  const { mcp, http } = open(stack);
  await using server = await startMcpServer();
  const call = caller(mcp, http, { transport: "http", url: server.url, headers: { authorization: "Bearer k" } });
  assert.equal(await call("note_add", { text: "buy milk" }), "kept 1 under run-1:call-1");
  await Promise.all([call("note_add", { text: "a" }), call("note_add", { text: "b" })]);
  assert.equal(server.sessions, 1);
  assert.ok(server.authorizations.every((value) => value === "Bearer k"));
  server.forget();
  await assert.rejects(call("note_add", { text: "lost" }), (error: AppError) => {
    assert.equal(error.reason, "MCP_UNAVAILABLE");
    return saysNotMade(error);
  });
  server.forget();
  const retried = await call("note_list", {}, { retry: { attempts: 2, delayMs: 1 } });
  assert.deepEqual(JSON.parse(String(retried)).kept, []);
});

test("a whole server is imported as Tools; one that does not say it only reads counts as effectful", async () => {
  await using stack = new AsyncDisposableStack();
  const { mcp } = open(stack);
  const tools = await mcpTools(mcp, stdio, { tenant: "acme", prefix: "notes_" });
  assert.deepEqual(
    tools.map(({ name, spec }) => [name, spec.effect]),
    [
      ["notes_note_add", "effectful"],
      ["notes_note_list", "read"],
      ["notes_note_find", "read"],
      ["notes_fail", "effectful"],
      ["notes_hang", "effectful"],
      ["notes_crash", "effectful"],
    ],
  );
  for (const { name, spec } of tools) makeTool({ name, version: 1 }, toolSpec.parse(spec), open(stack));
});

test("commands that are not listed and private networks are refused when a tool is declared", async () => {
  await using stack = new AsyncDisposableStack();
  const { mcp, http } = open(stack, false);
  await assert.rejects(caller(mcp, http, { transport: "stdio", command: "sh" })("x"), {
    reason: "COMMAND_NOT_ALLOWED",
  });
  const private_ = (url: string) => caller(mcp, http, { transport: "http", url, headers: {} })("x");
  await assert.rejects(private_("http://127.0.0.1:1/mcp"), { reason: "PRIVATE_NETWORK" });
  await assert.rejects(private_("file:///etc/passwd"), { reason: "BAD_URL" });
});
