import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ToolArguments } from "../src/domain/tool.ts";
import { toolSpec } from "../src/domain/tool-spec.ts";
import { builtinFunctions } from "../src/tools/functions/builtin.ts";
import { makeTool, type ToolPorts } from "../src/tools/make-tool.ts";
import { openMcpSessions } from "../src/tools/mcp/open-mcp-sessions.ts";
import { openHttpCaller } from "../src/tools/open-http-caller.ts";
import { openapiTools } from "../src/tools/openapi/openapi-tools.ts";
import { noEffects } from "./no-effects.fixture.ts";
import { answers, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

let stack: AsyncDisposableStack;
let upstream: ScriptedUpstream;
let ports: ToolPorts;

before(async () => {
  stack = new AsyncDisposableStack();
  upstream = stack.use(await startUpstream());
  const identityHosts = [new URL(upstream.origin).host];
  const http = stack.use(openHttpCaller({ allowPrivateNetworks: true, identityHosts }));
  ports = {
    http,
    mcp: stack.use(openMcpSessions({ commands: {}, http })),
    functions: builtinFunctions,
    effects: noEffects,
  };
});
after(() => stack.disposeAsync());

const order = {
  type: "object",
  properties: {
    sku: { type: "string", example: "A-1" },
    count: { type: "integer", format: "int32", minimum: 0, exclusiveMinimum: true },
    note: { type: "string", nullable: true, "x-internal": true },
  },
  required: ["sku", "count"],
};

function petstore() {
  return {
    openapi: "3.0.3",
    info: { title: "Orders", version: "1" },
    servers: [{ url: `${upstream.origin}/api/v2/` }],
    paths: {
      "/orders/{id}": {
        parameters: [{ $ref: "#/components/parameters/Id" }],
        get: {
          operationId: "getOrder",
          summary: "Read an order",
          parameters: [
            { name: "fields", in: "query", schema: { type: "array", items: { type: "string" } } },
            { name: "X-Region", in: "header", schema: { type: "string" } },
            { name: "Authorization", in: "header", schema: { type: "string" } },
          ],
        },
        put: {
          operationId: "replaceOrder",
          requestBody: {
            required: true,
            content: { "application/json": { schema: { $ref: "#/components/schemas/Order" } } },
          },
        },
      },
      "/orders": {
        post: {
          operationId: "placeOrders",
          requestBody: {
            required: true,
            content: {
              "application/json": { schema: { type: "array", items: { $ref: "#/components/schemas/Order" } } },
            },
          },
        },
      },
    },
    components: {
      parameters: {
        Id: { name: "id", in: "path", required: true, schema: { type: "string" }, description: "Order number" },
      },
      schemas: { Order: order },
    },
  };
}

function make(operationId: string, spec: object = {}, source: object = {}) {
  const parsed = toolSpec.parse({
    description: operationId,
    effect: "read",
    source: { type: "openapi", document: petstore(), operationId, ...source },
    ...spec,
  });
  const tool = makeTool({ name: "orders", version: 1 }, parsed, ports);
  const call = async (args: ToolArguments) =>
    tool.run(args, {
      signal: new AbortController().signal,
      idempotencyKey: "run-1:call-1",
      caller: { tenant: "acme", subject: "user:ada", permissions: new Set() },
      callAgent: () => Promise.reject(new Error("no agents here")),
    });
  return { tool, call };
}

test("path, query, header and body come from the arguments; only the declared server is called", async () => {
  upstream.play(answers(200, { ok: true }));
  const { tool, call } = make("getOrder", {}, { headers: { authorization: "Bearer k" } });
  assert.deepEqual(tool.parameters.check({ id: "7", fields: ["a"] }), []);
  assert.match(tool.parameters.check({ fields: "a", more: 1 }).join(), /required property 'id'.*more/);
  await call({ id: "../../admin?x=1#y", fields: ["a b", "c"], "X-Region": "eu", Authorization: "Bearer mine" });
  const [asked] = upstream.asked;
  assert.equal(asked?.path, "/api/v2/orders/..%2F..%2Fadmin%3Fx%3D1%23y?fields=a+b&fields=c");
  assert.deepEqual([asked?.headers["x-region"], asked?.headers.authorization], ["eu", "Bearer k"]);
  for (const id of ["..", ".", ""]) await assert.rejects(call({ id }), { reason: "BAD_ARGUMENTS" });
  await assert.rejects(call({ id: "1", "X-Region": "eu\r\nx-admin: 1" }), { reason: "BAD_ARGUMENTS" });
});

test("an object body is spread over the arguments, a list is the argument body; both carry an idempotency key", async () => {
  upstream.play(answers(200, { ok: true }));
  const put = make("replaceOrder", { effect: "idempotent" });
  assert.deepEqual(put.tool.parameters.check({ id: "7", sku: "A", count: 1, note: null }), []);
  assert.match(put.tool.parameters.check({ id: "7", sku: "A", count: 0 }).join(), /\/count must be > 0/);
  await put.call({ id: "7", sku: "A", count: 1 });
  const post = make("placeOrders", { effect: "effectful" });
  await post.call({ body: [{ sku: "A", count: 1 }] });
  assert.deepEqual(
    upstream.asked.map(({ path, body, headers }) => [path, body, headers["idempotency-key"]]),
    [
      ["/api/v2/orders/7", '{"sku":"A","count":1}', "run-1:call-1"],
      ["/api/v2/orders", '[{"sku":"A","count":1}]', "run-1:call-1"],
    ],
  );
});

test("a failure that may pass is tried again for reads, never for effects; the error says what it was", async () => {
  upstream.play(answers(503, "busy"), answers(503, "busy"), answers(200, { ok: true }));
  const retry = { attempts: 3, delayMs: 1 };
  assert.deepEqual(await make("getOrder", { retry }).call({ id: "7" }), { ok: true });
  assert.equal(upstream.asked.length, 3);
  upstream.play(answers(503, "busy"));
  const body = [{ sku: "A", count: 1 }];
  await assert.rejects(make("placeOrders", { effect: "effectful" }).call({ body }), { code: "UNAVAILABLE" });
  assert.equal(upstream.asked.length, 1);
  assert.throws(() => make("placeOrders", { effect: "effectful", retry }), /must be 1 for an effectful tool/);
  upstream.play(answers(404, "no such order"));
  await assert.rejects(make("getOrder", { retry }).call({ id: "7" }), { code: "FAILED_PRECONDITION", message: /404/ });
  assert.equal(upstream.asked.length, 1);
  upstream.play(() => undefined);
  await assert.rejects(make("getOrder", { timeoutMs: 50 }).call({ id: "7" }), { reason: "TOOL_TIMEOUT" });
});

test("the caller is made known only where asked for and only to listed hosts", async () => {
  upstream.play(answers(200, { ok: true }));
  await make("getOrder").call({ id: "7" });
  const known = make("getOrder", {}, { passIdentity: true });
  await known.call({ id: "7" });
  assert.deepEqual(
    upstream.asked.map(({ headers }) => [headers["x-mesh-tenant"], headers["x-mesh-subject"]]),
    [
      [undefined, undefined],
      ["acme", "user:ada"],
    ],
  );
  assert.equal(known.tool.isVolatile, true);
  assert.throws(() => make("getOrder", {}, { passIdentity: true, server: "https://elsewhere.example" }), {
    reason: "IDENTITY_NOT_ALLOWED",
  });
});

test("documents that cannot be used say why", () => {
  assert.throws(() => make("nope"), { reason: "BAD_OPENAPI", message: /no operation "nope"/ });
  assert.throws(() => make("getOrder", {}, { server: "https://{host}/x" }), { reason: "BAD_OPENAPI" });
  assert.throws(() => make("getOrder", {}, { server: "/relative" }), { reason: "BAD_OPENAPI" });
  const broken = (paths: object, components: object = {}) =>
    make(
      "a",
      {},
      { document: { ...petstore(), paths: { "/a": { get: { operationId: "a", ...paths } } }, components } },
    );
  const endless = { X: { type: "object", properties: { x: { $ref: "#/components/schemas/X" } } } };
  const parameter = (schema: object) => ({ parameters: [{ name: "x", in: "query", schema }] });
  assert.throws(() => broken(parameter({ $ref: "#/components/schemas/X" }), { schemas: endless }), {
    message: /refers to itself/,
  });
  assert.throws(() => broken(parameter({ $ref: "https://example.com/x.json" })), { message: /outside itself/ });
  assert.throws(() => broken(parameter({ $ref: "#/nowhere" })), { message: /which is not there/ });
});

test("every operation of a document becomes a Tool that can be applied", () => {
  const tools = openapiTools(petstore(), { prefix: "shop_" });
  assert.deepEqual(
    tools.map(({ name, spec }) => [name, spec.effect, spec.description]),
    [
      ["shop_get_order", "read", "Read an order"],
      ["shop_replace_order", "idempotent", "replaceOrder"],
      ["shop_place_orders", "effectful", "placeOrders"],
    ],
  );
  for (const { name, spec } of tools) makeTool({ name, version: 1 }, toolSpec.parse(spec), ports);
});
