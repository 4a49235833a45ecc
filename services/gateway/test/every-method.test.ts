import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { catalogMethods } from "@agentmesh/proto/catalog";
import { pipelineStages } from "../src/pipeline/pipeline.ts";
import { routedMethods } from "../src/routes.ts";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
before(async () => {
  edge = await startEdge();
});
after(() => edge[Symbol.asyncDispose]());

const outside = catalogMethods.filter((method) => method.access !== "INTERNAL");
const allStages = pipelineStages.map(([name]) => name);

test("the routes are the catalog's PUBLIC and USER methods and nothing else", () => {
  assert.deepEqual(routedMethods.map((method) => method.path).sort(), outside.map((method) => method.path).sort());
  for (const method of outside) assert.ok(method.http, `${method.path} has no HTTP form`);
});

test("over gRPC every method passes every stage, in order, and is audited before it answers", async () => {
  for (const method of outside) {
    edge.exchanges.length = 0;
    edge.fleet.audited.length = 0;
    if (method.serverStreaming) await drain(edge.raw.stream(method, new Uint8Array(), { token: "admin" }));
    else await edge.raw.unary(method, new Uint8Array(), { token: "admin" });
    assertGoverned(method.path, "grpc");
  }
});

test("over HTTP every method passes every stage, in order, and is audited before it answers", async () => {
  for (const method of outside) {
    edge.exchanges.length = 0;
    edge.fleet.audited.length = 0;
    const path = (method.http?.path ?? "").replace(/\{\w+\}/g, "x");
    const verb = method.http?.verb ?? "GET";
    const reply = await edge.http(path, { method: verb, headers: asAdmin() });
    assert.equal(reply.status, 200, `${verb} ${path}: ${reply.text}`);
    assertGoverned(method.path, "http");
  }
});

test("INTERNAL methods do not exist at the edge", async () => {
  for (const method of catalogMethods.filter((each) => each.access === "INTERNAL")) {
    assert.equal(method.http, undefined);
    await assert.rejects(edge.raw.unary(method, new Uint8Array(), { token: "admin" }), { code: "UNIMPLEMENTED" });
  }
});

function assertGoverned(path: string, surface: string): void {
  const [exchange] = edge.exchanges;
  assert.equal(edge.exchanges.length, 1, path);
  assert.equal(exchange?.method.path, path);
  assert.equal(exchange?.surface, surface);
  assert.deepEqual(exchange?.passed, allStages, path);
  assert.ok(edge.fleet.audited.some((entry) => entry.action === path && entry.requestId === exchange?.requestId));
}

async function drain(frames: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of frames);
}
