import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { eventually } from "@agentmesh/harness";
import { authContract } from "@agentmesh/proto/auth.contract";
import { costContract } from "@agentmesh/proto/cost.contract";
import { gatewayContract } from "@agentmesh/proto/gateway.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { createClient, healthContract } from "@agentmesh/rpc";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { routedMethods } from "../src/routes.ts";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
before(async () => {
  edge = await startEdge();
});
after(() => edge[Symbol.asyncDispose]());

const json = asAdmin({ "content-type": "application/json" });

test("HTTP refuses what it does not understand, each time saying what and where", async () => {
  const post = (path: string, body: string, headers = json) => edge.http(path, { method: "POST", headers, body });
  const signIn = "/v1/auth/sign-in";
  const cases: [Promise<{ status: number; text: string }>, number, RegExp][] = [
    [edge.http("/nope", { headers: json }), 404, /NO_ROUTE.*|nothing is at \/nope/],
    [edge.http(signIn, { headers: json }), 405, /does not take GET; it takes POST/],
    [post(signIn, '{"tenant":"acme",}'), 400, /not valid JSON at position 17 \(line 1, column 18\): expected a key/],
    [
      post(signIn, '{"tenant":"acme","usr":"x"}'),
      400,
      /unknown field \\"usr\\"; SignInRequest has tenant, username, password/,
    ],
    [post(signIn, '{"tenant":7}'), 400, /tenant must be a text; it is a number/],
    [post(signIn, "[]"), 400, /must be a JSON object/],
    [post(signIn, "x", asAdmin({ "content-type": "text/plain" })), 415, /send application\/json/],
    [post(signIn, `{"tenant":"${"x".repeat(1024 * 1024)}"}`), 413, /BODY_TOO_LARGE/],
    [post("/v1/workflows/x:start", `{"input":{"a":${"[".repeat(100)}${"]".repeat(100)}}}`), 400, /TOO_DEEP/],
    [post("/v1/workflows/x:start", '{"input":{"__proto__":{"a":1}}}'), 400, /__proto__/],
    [post("/v1/workflows/x:start", '{"workflow":"y"}'), 400, /CONTRADICTION/],
    [edge.http("/v1/runs?pageSize=-1", { headers: json }), 400, /pageSize must be a whole number from 0/],
    [edge.http("/v1/runs?state=BUSY", { headers: json }), 400, /state must be one of RUN_STATE_UNSPECIFIED, /],
    [edge.http("/v1/runs/%E0%A4%A", { headers: json }), 400, /percent-encoding/],
  ];
  for (const [reply, status, text] of cases) {
    const got = await reply;
    assert.equal(got.status, status, got.text);
    assert.match(got.text, text);
    assert.match(got.text, /"requestId":"[^"]+"/);
  }
});

test("a webhook arrives as it was sent, to the byte, with its headers and without the edge's credentials", async () => {
  const { receiveWebhook } = orchestratorContract.methods;
  edge.fleet.on(receiveWebhook.path, async () => ({ runId: "r-1", duplicate: false }));
  const body = '{ "order" : 7,\r\n "note": "zo\u00eb \\u0041" }';
  const reply = await edge.http("/v1/hooks/acme/shop", {
    method: "POST",
    headers: {
      "content-type": "application/vnd.shop+json",
      "x-shop-signature": "s=1",
      cookie: "a=b",
      "x-api-key": "k",
    },
    body,
  });
  assert.deepEqual(reply.body, { runId: "r-1" });
  const seen = edge.fleet.calls.findLast(({ path }) => path === receiveWebhook.path);
  const request = seen?.request as {
    tenant: string;
    trigger: string;
    headers: Record<string, string>;
    body: Uint8Array;
  };
  assert.deepEqual([request.tenant, request.trigger, Buffer.from(request.body).toString()], ["acme", "shop", body]);
  assert.equal(request.headers["x-shop-signature"], "s=1");
  assert.equal(request.headers["content-type"], "application/vnd.shop+json");
  assert.deepEqual([request.headers.cookie, request.headers["x-api-key"]], [undefined, undefined]);
  const binary = await edge.http("/v1/hooks/acme/shop", { method: "POST", body: Buffer.from([0, 255, 1]) });
  assert.equal(binary.status, 200);
});

test("path, query and body become the request; the reply is proto3 JSON with ids and safe headers", async () => {
  edge.fleet.on(costContract.methods.getSpend.path, async () => ({ total: { costNanoUsd: 12_345_678_901_234n } }));
  const reply = await edge.http("/v1/cost/spend?by=agent&by=day&from=2026-11-01T00:00:00Z", {
    headers: asAdmin({ "x-request-id": "req-1" }),
  });
  assert.deepEqual(reply.body, { total: { costNanoUsd: "12345678901234" } });
  assert.equal(reply.headers.get("x-request-id"), "req-1");
  assert.equal(reply.headers.get("x-content-type-options"), "nosniff");
  const seen = edge.fleet.calls.findLast(({ path }) => path === costContract.methods.getSpend.path);
  assert.deepEqual(seen?.request, { from: new Date("2026-11-01T00:00:00Z"), to: undefined, by: ["agent", "day"] });
  assert.equal(seen?.call.requestId, "req-1");
  await edge.http("/v1/runner/resources/Agent/classifier", {
    method: "PUT",
    headers: json,
    body: '{"spec":{"a":[1]}}',
  });
  const put = edge.fleet.calls.findLast(({ path }) => path === runnerContract.methods.applyResource.path);
  assert.deepEqual(put?.request, {
    kind: "Agent",
    name: "classifier",
    labels: {},
    spec: { a: [1] },
    dryRun: false,
    expectVersion: 0,
  });
});

test("the owner's errors come through as they are, on both surfaces", async () => {
  edge.fleet.on(orchestratorContract.methods.getRun.path, async () => {
    throw new AppError("NOT_FOUND", "run x does not exist", { reason: "RUN_NOT_FOUND", field: "id" });
  });
  const http = await edge.http("/v1/runs/x", { headers: asAdmin({ "x-request-id": "req-2" }) });
  assert.equal(http.status, 404);
  const error = { code: "NOT_FOUND", message: "run x does not exist", reason: "RUN_NOT_FOUND", field: "id" };
  assert.deepEqual(http.body, { error: { ...error, requestId: "req-2" } });
  const client = createClient(orchestratorContract, { address: edge.channel });
  await assert.rejects(client.getRun({ id: "x" }, { token: "admin" }), error);
});

test("a stream is Server-Sent Events that resume, and its reader's leaving ends it upstream", async () => {
  const ended = Promise.withResolvers<void>();
  edge.fleet.on(orchestratorContract.methods.watchRun.path, async function* (request: { afterSeq: number }, call) {
    yield { runId: "x", seq: request.afterSeq + 1, type: "run.started" };
    call.signal.addEventListener("abort", () => ended.resolve());
    await ended.promise;
  });
  const abort = new AbortController();
  const url = `http://127.0.0.1:${edge.gateway.httpPort}/v1/runs/x:watch`;
  const response = await fetch(url, { headers: asAdmin({ "last-event-id": "41" }), signal: abort.signal });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const chunk = await response.body?.getReader().read();
  assert.equal(
    new TextDecoder().decode(chunk?.value),
    'id: 42\nevent: run.started\ndata: {"runId":"x","seq":42,"type":"run.started"}\n\n',
  );
  abort.abort();
  await ended.promise;
  edge.fleet.on(orchestratorContract.methods.watchRun.path, async function* () {
    yield { runId: "x", seq: 1, type: "run.started" };
    throw new AppError("UNAVAILABLE", "gone", { reason: "GONE" });
  });
  const broken = await edge.http("/v1/runs/x:watch", { headers: asAdmin() });
  const client = createClient(orchestratorContract, { address: edge.channel });
  const frames = client.watchRun({ id: "x" }, { token: "admin" })[Symbol.asyncIterator]();
  assert.equal((await frames.next()).value?.type, "run.started");
  await assert.rejects(frames.next(), { code: "UNAVAILABLE", reason: "GONE" });
  assert.match(broken.text, /event: error\ndata: {"error":{"code":"UNAVAILABLE"/);
});

test("a deadline and a cancellation reach the owner", async () => {
  const aborted = Promise.withResolvers<void>();
  edge.fleet.on(authContract.methods.whoAmI.path, async (_request, call) => {
    call.signal.addEventListener("abort", () => aborted.resolve());
    await aborted.promise;
    return {};
  });
  const auth = createClient(authContract, { address: edge.channel });
  await assert.rejects(auth.whoAmI({}, { token: "admin", timeoutMs: 200 }), { code: "DEADLINE_EXCEEDED" });
  await aborted.promise;
});

test("gRPC answers health and reflection; the mesh says who serves", async () => {
  const health = createClient(healthContract, { address: edge.channel });
  assert.equal((await health.check({})).status, "SERVING");
  const services = await reflect(new BinaryWriter().uint32(58).string("").finish());
  assert.ok(services.includes("agentmesh.runner.v1.AgentRunnerService"));
  const files = await reflect(new BinaryWriter().uint32(34).string("agentmesh.auth.v1.AuthService").finish());
  assert.ok(files.includes("agentmesh/auth/v1/auth.proto") && files.includes("google/protobuf/descriptor.proto"));
  assert.ok(services.includes("lf.a2a.v1.A2AService"));
  const a2a = await reflect(new BinaryWriter().uint32(34).string("lf.a2a.v1.A2AService.SendMessage").finish());
  assert.ok(a2a.includes("SendStreamingMessage") && a2a.includes("google/protobuf/struct.proto"));
  const byName = await reflect(new BinaryWriter().uint32(26).string("agentmesh/cost/v1/cost.proto").finish());
  assert.ok(byName.includes("CostService"));
  const mesh = createClient(gatewayContract, { address: edge.channel });
  await edge.fleet.stop("cache");
  const { services: statuses } = await mesh.getMesh({}, { token: "admin" });
  assert.equal(statuses.length, 8);
  assert.deepEqual(
    statuses.filter(({ serving }) => !serving).map(({ name }) => name),
    ["cache"],
  );
  await edge.fleet.start("cache");
});

async function reflect(request: Uint8Array): Promise<string> {
  const call = edge.channel.grpc.makeBidiStreamRequest(
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
  );
  call.write(Buffer.from(request));
  call.end();
  let text = "";
  for await (const bytes of call) text += bytes.toString("latin1");
  return text;
}

test("OpenAPI 3.1 names every call and every reference in it leads somewhere", async () => {
  const { text, status } = await edge.http("/openapi.json");
  assert.equal(status, 200);
  const api = JSON.parse(text);
  assert.equal(api.openapi, "3.1.0");
  const operations = Object.values(api.paths).flatMap((verbs) => Object.values(verbs as object));
  assert.equal(operations.length, routedMethods.length);
  for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    assert.ok(api.components.schemas[name], name);
  }
  assert.match((await edge.http("/")).text, /<h1>agentmesh/);
});

test("a client that drips its headers is cut off, and the server lives on", async () => {
  const socket = connect(edge.gateway.httpPort, "127.0.0.1");
  socket.resume();
  socket.write("GET / HTTP/1.1\r\nhost: x\r\nx-slow: ");
  let closed = false;
  socket.once("close", () => {
    closed = true;
  });
  socket.once("error", () => undefined);
  await eventually(() => closed, { what: "the slow connection to be closed" });
  assert.equal((await edge.http("/")).status, 200);
});
