// What is sent to break the gRPC edge: messages that are none, and frames nobody should send. Each family stands beside what
// is meant well and must pass.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { catalogMethods } from "@agentmesh/proto/catalog";
import { status } from "@grpc/grpc-js";
import type { TestEdge } from "./edge.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import { bounded, call, data, MB, openTarget, path, settings, type Target, valid } from "./grpc-target.ts";
import {
  ask,
  callHeaders,
  END_HEADERS,
  FRAME,
  frame,
  headerBlock,
  message,
  numbersFrom,
  openWire,
  PREFACE,
} from "./http2-wire.ts";

let target: Target;
let edge: TestEdge;
let gateway: GatewayProcess;

before(async () => {
  target = await openTarget();
  ({ edge, gateway } = target);
  await target.expectWell();
});
after(() => target[Symbol.asyncDispose]());

test("messages that are none are refused with a code, and reach nobody", bounded, async () => {
  const deep = Buffer.concat([Buffer.alloc(20_000, 0x0b), Buffer.alloc(20_000, 0x0c)]);
  const bomb = gzipSync(Buffer.alloc(64 * MB));
  const cases: Readonly<Record<string, readonly [body: Buffer, codes: readonly number[], headers?: object]>> = {
    "a length beyond the body": [message(valid, 0, 1_000), [status.CANCELLED, status.INTERNAL, status.UNIMPLEMENTED]],
    "a length of all ones": [message(valid, 0, 0xffff_ffff), [status.RESOURCE_EXHAUSTED]],
    "more than a message may have": [message(Buffer.alloc(5 * MB)), [status.RESOURCE_EXHAUSTED]],
    "no message": [Buffer.alloc(0), [status.UNIMPLEMENTED, status.INTERNAL]],
    "half a prefix": [Buffer.from([0, 0]), [status.UNIMPLEMENTED, status.INTERNAL]],
    "two messages": [Buffer.concat([message(valid), message(valid)]), [status.UNIMPLEMENTED, status.INTERNAL]],
    "compressed, not said how": [
      message(Buffer.from([0x0a, 0xff, 0x01]), 1),
      [status.INTERNAL, status.INVALID_ARGUMENT],
    ],
    "compressed in an unknown way": [message(valid, 1), [status.UNIMPLEMENTED], { "grpc-encoding": "br" }],
    "compressed and broken": [message(valid, 1), [status.INTERNAL], { "grpc-encoding": "gzip" }],
    "compressed and cut": [message(gzipSync(valid).subarray(0, 12), 1), [status.INTERNAL], { "grpc-encoding": "gzip" }],
    "64 MB in 64 KB": [message(bomb, 1), [status.RESOURCE_EXHAUSTED], { "grpc-encoding": "gzip" }],
    "a truncated field": [message(Buffer.from([0x0a, 0x7f, 0x61])), [status.INVALID_ARGUMENT]],
    "a tag without an end": [message(Buffer.alloc(11, 0xff)), [status.INVALID_ARGUMENT]],
    "the wire type of none": [message(Buffer.from([0x0f])), [status.INVALID_ARGUMENT]],
    "field zero": [message(Buffer.from([0x02, 0x00])), [status.INVALID_ARGUMENT, status.OK]],
    "groups in groups": [message(deep), [status.INVALID_ARGUMENT]],
  };
  for (const [name, [body, codes, headers = {}]] of Object.entries(cases)) {
    const before = target.reached();
    const answer = await ask(gateway.port, { ":path": path, ...headers }, body);
    assert.ok(codes.includes(answer.grpc ?? -1), `${name}: ${JSON.stringify(answer)}`);
    if (answer.grpc !== status.OK) assert.equal(target.reached(), before, name);
  }
  const packed = await ask(gateway.port, { ":path": path, "grpc-encoding": "gzip" }, message(gzipSync(valid), 1));
  assert.equal(packed.grpc, status.OK, "what is compressed well is read");
  await target.expectWell();
});

test("paths, verbs and types that are not gRPC's calls lead nowhere", bounded, async () => {
  const internal = catalogMethods.find(({ access }) => access === "INTERNAL")?.path ?? "";
  const service = path.slice(0, path.lastIndexOf("/"));
  for (const other of [
    internal,
    `${service}/`,
    `${service}/RunAgentX`,
    `${service}/runAgent`,
    `/${path}`,
    `${path}/`,
    `${path}?x=1`,
    `${service}%2fRunAgent`,
    `/x/..${path}`,
    `${service}/../AgentRunnerService/RunAgent`,
    path.toUpperCase(),
    path.slice(1),
    `http://edge${path}`,
    "/",
    "*",
    `/${"x".repeat(8_000)}`,
    "/__proto__/constructor",
    "/agentmesh.runner.v1.AgentRunnerService/constructor",
  ]) {
    const before = edge.fleet.calls.length;
    const answer = await ask(gateway.port, { ":path": other }, message(valid));
    assert.ok(
      answer.grpc === status.UNIMPLEMENTED || answer.http >= 400 || answer.reset !== 0,
      `${other.slice(0, 80)}: ${JSON.stringify(answer)}`,
    );
    assert.ok(!edge.fleet.calls.slice(before).some((call) => call.path === path || call.path === internal), other);
  }
  for (const headers of [
    { ":method": "PUT" },
    { "content-type": "application/json" },
    { "content-type": "text/plain" },
  ]) {
    const before = target.reached();
    const answer = await ask(gateway.port, { ":path": path, ...headers }, message(valid));
    if (headers[":method"] === undefined) assert.equal(answer.http, 415, JSON.stringify(answer));
    assert.ok(target.reached() - before <= 1);
  }
  await target.expectWell();
});

test(
  "timeouts and metadata: what is wrong is refused or ignored, and nothing of the mesh's own can be brought along",
  bounded,
  async () => {
    for (const timeout of ["x", "-1S", "1", "S", "1.5S", "999999999S", "1s", " 1S", "0n", ""]) {
      const before = target.reached();
      const answer = await ask(gateway.port, { ":path": path, "grpc-timeout": timeout }, message(valid));
      const codes: unknown[] = [status.INTERNAL, status.DEADLINE_EXCEEDED, status.CANCELLED, status.OK];
      assert.ok(codes.includes(answer.grpc), `${timeout}: ${JSON.stringify(answer)}`);
      // What has no number of a known unit is refused; grpc-js reads more than the protocol has, and it only shortens a call.
      if (/^(x|S|1s|1)$/.test(timeout)) assert.equal(answer.grpc, status.INTERNAL, timeout);
      assert.ok(target.reached() - before <= 1);
    }
    assert.equal((await ask(gateway.port, { ":path": path, "grpc-timeout": "30S" }, message(valid))).grpc, status.OK);

    const wide = Object.fromEntries(Array.from({ length: 400 }, (_, at) => [`x-${at}`, "y".repeat(200)]));
    for (const headers of [{ "x-big": "y".repeat(100_000) }, wide]) {
      const before = target.reached();
      const answer = await ask(gateway.port, { ":path": path, ...headers }, message(valid));
      assert.notEqual(answer.grpc, status.OK, JSON.stringify(answer));
      assert.equal(target.reached(), before);
    }
    const forged = {
      "x-mesh-workload": "forged",
      "x-mesh-remote-address": "10.9.8.7",
      "x-request-id": "a\tb",
      "x-odd-bin": "not base64 !",
      "mesh-reason": "FORGED",
    };
    assert.equal((await ask(gateway.port, { ":path": path, ...forged }, message(valid))).grpc, status.OK);
    const seen = edge.fleet.calls.findLast((call) => call.path === path)?.call;
    assert.equal(seen?.workload, "gateway");
    assert.equal(seen?.metadata("x-mesh-remote-address"), "127.0.0.1");
    assert.match(seen?.requestId ?? "", /^[\w-]{36}$/);
    assert.equal(seen?.metadata("mesh-reason"), undefined);
    await target.expectWell();
  },
);

test("connections that do not speak HTTP/2, or break its rules, are closed or ignored", bounded, async () => {
  const random = numbersFrom(7);
  const noise = Buffer.from(Array.from({ length: 4_096 }, () => Math.floor(random() * 256)));
  const badLength = Buffer.concat([frame(FRAME.settings, 0, 0, Buffer.alloc(5))]);
  const cases: Readonly<Record<string, Buffer>> = {
    "HTTP/1.1": Buffer.from("GET / HTTP/1.1\r\nhost: edge\r\n\r\n"),
    TLS: Buffer.from("16030100c8010000c40303", "hex"),
    noise: noise,
    "noise after the preface": Buffer.concat([PREFACE, settings, noise]),
    "settings of five bytes": Buffer.concat([PREFACE, badLength]),
    "a frame of 16 MB": Buffer.concat([PREFACE, settings, Buffer.from("ffffff000000000001", "hex")]),
    "data on no stream": Buffer.concat([PREFACE, settings, frame(FRAME.data, 0, 0, Buffer.alloc(8))]),
    "data on a stream that is not open": Buffer.concat([PREFACE, settings, data(7)]),
    "a stream of the server's": Buffer.concat([PREFACE, settings, call(2, "wire-even"), data(2)]),
    "a stream that goes back": Buffer.concat([PREFACE, settings, call(9, "first"), call(3, "wire-back"), data(3)]),
    "a window of nothing more": Buffer.concat([PREFACE, settings, frame(FRAME.window, 0, 0, Buffer.alloc(4))]),
    "a window too large": Buffer.concat([PREFACE, settings, frame(FRAME.window, 0, 0, Buffer.from("7fffffff", "hex"))]),
    "a pushed stream": Buffer.concat([PREFACE, settings, frame(FRAME.push, END_HEADERS, 1, Buffer.alloc(8))]),
    "a continuation of nothing": Buffer.concat([
      PREFACE,
      settings,
      frame(FRAME.continuation, END_HEADERS, 1, callHeaders(path)),
    ]),
    "headers that are not HPACK": Buffer.concat([
      PREFACE,
      settings,
      frame(FRAME.headers, END_HEADERS, 1, Buffer.alloc(64, 0xff)),
    ]),
    "an index beyond the table": Buffer.concat([
      PREFACE,
      settings,
      frame(FRAME.headers, END_HEADERS, 1, Buffer.from("ffffff7f", "hex")),
    ]),
    "a name in capitals": Buffer.concat([
      PREFACE,
      settings,
      frame(
        FRAME.headers,
        END_HEADERS,
        1,
        callHeaders(path, [
          ["x-request-id", "wire-1"],
          ["X-Big", "1"],
        ]),
      ),
      data(1),
    ]),
    "a connection header": Buffer.concat([
      PREFACE,
      settings,
      frame(
        FRAME.headers,
        END_HEADERS,
        1,
        callHeaders(path, [
          ["x-request-id", "wire-2"],
          ["transfer-encoding", "chunked"],
        ]),
      ),
      data(1),
    ]),
    "two paths": Buffer.concat([
      PREFACE,
      settings,
      frame(
        FRAME.headers,
        END_HEADERS,
        1,
        Buffer.concat([
          headerBlock([
            [":path", "/x"],
            ["x-request-id", "wire-3"],
          ]),
          callHeaders(path),
        ]),
      ),
      data(1),
    ]),
    "a pseudo header too late": Buffer.concat([
      PREFACE,
      settings,
      frame(
        FRAME.headers,
        END_HEADERS,
        1,
        callHeaders(path, [
          ["x-request-id", "wire-4"],
          [":path", "/x"],
        ]),
      ),
      data(1),
    ]),
    "a line break in a value": Buffer.concat([
      PREFACE,
      settings,
      frame(
        FRAME.headers,
        END_HEADERS,
        1,
        callHeaders(path, [
          ["x-request-id", "without-it"],
          ["x-a", "b\r\nx-c: d"],
        ]),
      ),
      data(1),
    ]),
  };
  for (const bytes of Object.values(cases)) {
    using wire = await openWire(gateway.port);
    wire.socket.write(bytes);
    // Half closed: an edge that waits for the rest has nothing to wait for.
    wire.socket.end();
    await wire.closed;
    await target.expectWell();
  }
  const ids = edge.fleet.calls.map((each) => each.call.requestId).filter((id) => id.startsWith("wire"));
  assert.deepEqual(ids, [], "calls of theirs reached the owner");
  // The library drops a field whose value is none; the call goes on without it.
  for (const { call: one } of edge.fleet.calls.filter((each) => each.call.requestId === "without-it")) {
    assert.deepEqual([one.metadata("x-a"), one.metadata("x-c")], [undefined, undefined]);
  }
});
