import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppError, errorCodes } from "@agentmesh/errors";
import { loadWorkloadIdentity } from "@agentmesh/identity";
import { createMetrics } from "@agentmesh/telemetry";
import fc from "fast-check";
import { createRawClient, openChannel, type Server } from "../src/index.ts";
import { type Fixture, fixture, type NoteClient, noteContract, rememberingLog } from "./fixture.ts";

let fix: Fixture;
let server: Server;
let client: NoteClient;
let failure: unknown;
let calls = 0;
const log = rememberingLog();
const metrics = createMetrics({});

before(async () => {
  fix = await fixture();
  const fail = async () => {
    calls += 1;
    throw failure;
  };
  server = await fix.serve(
    {
      read: fail,
      // biome-ignore lint/correctness/useYield: it fails before its first value
      async *list() {
        await fail();
      },
    },
    { log, metrics },
  );
  client = await fix.client(server.port);
});
after(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  await fix[Symbol.asyncDispose]();
});

async function failureOfCall(): Promise<AppError> {
  return client.read({ text: "" }).then(
    () => assert.fail("it did not fail"),
    (error) => error,
  );
}

async function failureOfStream(): Promise<AppError> {
  try {
    for await (const _ of client.list({ text: "" }));
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  return assert.fail("it did not fail with an AppError");
}

test("every code crosses with message, reason, field and hint, from calls and from streams", async () => {
  for (const code of errorCodes.filter((each) => each !== "INTERNAL")) {
    const field = 'spec.steps[2].ключ"';
    failure = new AppError(code, `what went wrong: ключ ${code}\nand a second line`, {
      reason: "A_REASON",
      field,
      retryAfterMs: 1234.5,
    });
    for (const error of [await failureOfCall(), await failureOfStream()]) {
      assert.ok(error instanceof AppError);
      assert.deepEqual(error.toWire(), {
        code,
        message: `what went wrong: ключ ${code}\nand a second line`,
        reason: "A_REASON",
        field,
        retryAfterMs: 1235,
      });
    }
  }
});

test("INTERNAL hides its detail from the caller and tells it to the log, under the request's id", async () => {
  for (const thrown of [
    new AppError("INTERNAL", "the password is hunter2", { reason: "BAD_STATE" }),
    new TypeError("cannot read hunter2 of undefined"),
    "hunter2",
    undefined,
  ]) {
    failure = thrown;
    log.lines.length = 0;
    for (const error of [await failureOfCall(), await failureOfStream()]) {
      assert.equal(error.code, "INTERNAL");
      assert.match(error.message, /an internal error occurred; the service's log has the detail/);
      assert.doesNotMatch(JSON.stringify(error.toWire()), /hunter2/);
    }
    assert.equal(log.lines.length, 2);
    assert.ok(
      log.lines.every((line) => line.level === "error" && "requestId" in line.fields && "error" in line.fields),
    );
  }
});

test("a failure that a caller is to expect is no error in the log, and is counted under its code", async () => {
  failure = new AppError("NOT_FOUND", "no such note");
  log.lines.length = 0;
  await failureOfCall();
  assert.deepEqual(
    log.lines.map((line) => line.level),
    ["debug"],
  );
  assert.match(
    await metrics.render(),
    /rpc_duration_seconds_count\{method="\/test.v1.NoteService\/Read",code="NOT_FOUND"\}/,
  );
});

test("whatever text an error has, the caller gets it, whole or shortened, and the call ends", async () => {
  const texts = [
    "x".repeat(200_000),
    "😀".repeat(50_000),
    "half a pair: \ud83d",
    "\ud83d",
    "",
    "\u0000\u0007\r\n%41%",
    "a%b",
  ];
  for (const text of texts) {
    failure = new AppError("INVALID_ARGUMENT", text, { field: text.slice(0, 300), reason: "BAD" });
    for (const error of [await failureOfCall(), await failureOfStream()]) {
      assert.equal(error.code, "INVALID_ARGUMENT", JSON.stringify(text.slice(0, 20)));
      assert.equal(error.reason, "BAD");
      const expected = text.toWellFormed();
      const shown = error.message.replace(/…$/, "");
      assert.ok(
        text === "" || (expected.startsWith(shown) && shown !== ""),
        JSON.stringify(error.message.slice(0, 40)),
      );
      assert.ok(text.length > 2000 || error.message === expected || text === "");
    }
  }
});

test("any message and field cross as they are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", minLength: 1, maxLength: 200 }), async (text) => {
      failure = new AppError("CONFLICT", text, { field: text });
      const error = await failureOfCall();
      assert.deepEqual(
        [error.code, error.message, error.field],
        ["CONFLICT", text.toWellFormed(), text.toWellFormed()],
      );
    }),
    { numRuns: 200 },
  );
});

test("bytes that are no message are INVALID_ARGUMENT, and the server lives", async () => {
  const identity = await loadWorkloadIdentity(fix.environment.keyFileOf("gateway"), fix.environment.workloadTrustFile);
  using channel = openChannel({ address: `127.0.0.1:${server.port}` });
  const raw = createRawClient({ address: channel, workload: identity });
  const { read, list, effect } = noteContract.methods;
  const expected = { code: "INVALID_ARGUMENT", reason: "BAD_PROTOBUF", message: /Note.*\/Read|Note.*\/List/ };
  await assert.rejects(raw.unary(read, Buffer.from([0xff, 0xff])), expected);
  await assert.rejects(async () => {
    for await (const _ of raw.stream(list, Buffer.from([0xff])));
  }, expected);
  assert.deepEqual(await client.effect({ text: "alive" }), { text: "alive" });
  assert.equal((await raw.unary(effect, Buffer.from('{"text":"x"}'))).length, 12);
});

test("what a handler answers and the codec refuses is INTERNAL", async () => {
  await using odd = await fix.serve({
    read: async () => ({ text: BigInt(1) as never }),
    async *list() {
      yield { text: BigInt(1) as never };
    },
  });
  using caller = await fix.client(odd.port);
  await assert.rejects(caller.read({ text: "" }), { code: "INTERNAL" });
  await assert.rejects(
    async () => {
      for await (const _ of caller.list({ text: "" }));
    },
    { code: "INTERNAL" },
  );
  assert.deepEqual(await caller.effect({ text: "alive" }), { text: "alive" });
});

test("a message beyond the bound is RESOURCE_EXHAUSTED in either direction, with both sizes", async () => {
  const big = "x".repeat(5 * 1024 * 1024);
  await using wide = await fix.serve({
    read: async () => ({ text: big }),
    async *list() {
      yield { text: big };
    },
  });
  using caller = await fix.client(wide.port);
  const expected = { code: "RESOURCE_EXHAUSTED", message: /5242\d\d\d.*4194304/ };
  await assert.rejects(caller.effect({ text: big }), expected);
  await assert.rejects(caller.read({ text: "" }), expected);
  await assert.rejects(async () => {
    for await (const _ of caller.list({ text: "" }));
  }, expected);
  assert.deepEqual(await caller.effect({ text: "alive" }), { text: "alive" });
});

test("a server that answers UNAVAILABLE was reached: the call is not tried again behind the caller's back", async () => {
  failure = new AppError("UNAVAILABLE", "the database is away", { retryAfterMs: 1000 });
  calls = 0;
  const error = await failureOfCall();
  assert.equal(error.retryAfterMs, 1000);
  assert.equal(calls, 1);
});
