// Floods of frames, calls that are never finished, replies that are never read, and bytes changed at random: the gateway's
// process lives on and stays small, and a call that is meant well passes after each of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
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
  pour,
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

test(
  "floods of resets, pings, settings, continuations and empty frames end their connection and little else",
  bounded,
  async () => {
    const calm = gateway.residentBytes();
    const begin = [PREFACE, settings];
    function* times(count: number, make: (at: number) => Buffer, batch = 200): Iterable<Buffer> {
      for (let at = 0; at < count; at += batch)
        yield Buffer.concat(Array.from({ length: batch }, (_, n) => make(at + n)));
    }
    const reset = Buffer.from([0, 0, 0, 8]);
    const floods: Readonly<Record<string, Iterable<Buffer>>> = {
      "calls that are cut at once": times(20_000, (at) =>
        Buffer.concat([call(2 * at + 1), frame(FRAME.reset, 0, 2 * at + 1, reset)]),
      ),
      "calls that never end": times(20_000, (at) => call(2 * at + 1)),
      pings: times(100_000, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8))),
      settings: times(100_000, () => settings),
      priorities: times(100_000, (at) => frame(FRAME.priority, 0, 2 * at + 1, Buffer.alloc(5))),
      "empty data": [call(1), ...times(100_000, () => frame(FRAME.data, 0, 1))],
      continuations: [
        frame(FRAME.headers, 0, 1, callHeaders(path)),
        ...times(20_000, (at) => frame(FRAME.continuation, 0, 1, headerBlock([[`x-${at}`, "y".repeat(100)]]))),
      ],
      "headers that unfold": times(2_000, (at) => frame(FRAME.headers, END_HEADERS, 2 * at + 1, bombOfHeaders(at))),
    };
    for (const [name, pieces] of Object.entries(floods)) {
      const before = target.reached();
      using wire = await openWire(gateway.port);
      await pour(wire, [...begin, ...pieces]);
      const cutOff = await wire.isCutOff();
      if (FLOODS.includes(name)) assert.ok(cutOff, `${name}: it goes on`);
      await target.expectWell();
      assert.ok(target.reached() - before <= 1, `${name}: ${target.reached() - before} calls reached the owner`);
      assert.ok(
        gateway.residentBytes() - calm < 256 * MB,
        `${name}: ${Math.round((gateway.residentBytes() - calm) / MB)} MB more`,
      );
    }
  },
);

/** What no client does; the others are refused or ignored one by one. */
const FLOODS = ["calls that are cut at once", "pings", "settings", "priorities", "empty data", "continuations"];

/** A header of 4 KB put into the table once and named by its index a thousand times: 4 MB of headers in 1 KB. */
function bombOfHeaders(at: number): Buffer {
  const literal = headerBlock([["x-bomb", "y".repeat(4_000)]]);
  literal[0] = 0x40;
  return Buffer.concat([callHeaders(path), ...(at === 0 ? [literal] : []), Buffer.alloc(1_000, 0x80 | 62)]);
}

test("calls whose message never ends are ended, and reach nobody", bounded, async () => {
  await using quick = await edge.another({ requestTimeoutMs: 300 });
  const before = target.reached();
  const answers = await Promise.all(
    [Buffer.alloc(0), Buffer.from([0, 0]), message(valid.subarray(0, 3), 0, MB)].map((body) =>
      ask(quick.port, { ":path": path }, body, false),
    ),
  );
  for (const { grpc } of answers) assert.equal(grpc, status.DEADLINE_EXCEEDED);
  assert.equal(target.reached(), before);
  assert.equal((await ask(quick.port, { ":path": path }, message(valid))).grpc, status.OK);
});

test("a reply that nobody makes room for waits, and is dropped with its connection", bounded, async () => {
  edge.fleet.on(path, async () => ({ state: "STATE_SUCCEEDED", text: "z".repeat(MB) }));
  const calm = gateway.residentBytes();
  const noRoom = frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]));
  const before = target.reached();
  using wire = await openWire(gateway.port);
  await pour(wire, [
    PREFACE,
    noRoom,
    ...Array.from({ length: 40 }, (_, at) => Buffer.concat([call(2 * at + 1), data(2 * at + 1)])),
  ]);
  await eventually(() => target.reached() - before === 40, { what: "the calls to reach their owner" });
  edge.fleet.on(path, async () => ({ state: "STATE_SUCCEEDED", text: "well" }));
  await target.expectWell();
  assert.ok(gateway.residentBytes() - calm < 256 * MB);
});

const FUZZED = 200;

test("connections with bytes changed at random never break the edge", bounded, async () => {
  const good = Buffer.concat([
    PREFACE,
    settings,
    call(1),
    data(1),
    frame(FRAME.ping, 0, 0, Buffer.alloc(8)),
    call(3),
    data(3),
  ]);
  const random = numbersFrom(20_261_120);
  const pick = (limit: number) => Math.floor(random() * limit);
  for (let at = 0; at < FUZZED; at += 20) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const bytes = Buffer.from(good);
        for (let changes = 1 + pick(6); changes > 0; changes--) bytes[pick(bytes.length)] = pick(256);
        using wire = await openWire(gateway.port);
        wire.socket.end(bytes);
        await wire.closed;
      }),
    );
    await target.expectWell();
  }
});
