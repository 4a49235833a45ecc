import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { eventually, freePort } from "@agentmesh/harness";
import { type Call, createClient, healthContract, openChannel } from "../src/index.ts";
import { type Fixture, fixture, type Note, noteContract } from "./fixture.ts";

let fix: Fixture;

before(async () => {
  fix = await fixture();
});
after(() => fix[Symbol.asyncDispose]());

/** Waits until it is told to stop, and remembers why. */
function waiter() {
  const reasons: unknown[] = [];
  const started = Promise.withResolvers<Call>();
  return {
    reasons,
    started: started.promise,
    async wait(_request: Note, call: Call): Promise<Note> {
      started.resolve(call);
      await new Promise<void>((resolve) =>
        call.signal.addEventListener("abort", () => {
          reasons.push(call.signal.reason.code);
          resolve();
        }),
      );
      return { text: "too late" };
    },
  };
}

async function timed(work: Promise<unknown>, expected: object): Promise<number> {
  const startedAtMs = performance.now();
  await assert.rejects(work, expected);
  return performance.now() - startedAtMs;
}

test("the shorter of the contract's timeout and the caller's ends a call on both sides", async () => {
  const contract = waiter();
  const caller = waiter();
  await using server = await fix.serve({ brief: contract.wait, read: caller.wait });
  using client = await fix.client(server.port);
  const bounds = { code: "DEADLINE_EXCEEDED" };
  const contractMs = await timed(client.brief({ text: "" }, { timeoutMs: 60_000 }), bounds);
  assert.ok(contractMs >= 190 && contractMs < 1500, `${contractMs}`);
  const callerMs = await timed(client.read({ text: "" }, { timeoutMs: 100 }), bounds);
  assert.ok(callerMs >= 90 && callerMs < 1500, `${callerMs}`);
  await eventually(() => contract.reasons.length === 1 && caller.reasons.length === 1, { what: "both to be told" });
});

test("the server enforces the contract's timeout on a handler that does not listen, and on a stream", async () => {
  await using server = await fix.serve({
    brief: () => new Promise(() => {}),
    async *briefList() {
      yield { text: "first" };
      await new Promise(() => {});
    },
  });
  using client = await fix.client(server.port);
  await timed(client.brief({ text: "" }), { code: "DEADLINE_EXCEEDED" });
  const seen: string[] = [];
  await timed(
    (async () => {
      for await (const { text } of client.briefList({ text: "" })) seen.push(text);
    })(),
    { code: "DEADLINE_EXCEEDED" },
  );
  assert.deepEqual(seen, ["first"]);
});

test("a caller that goes away is felt by the handler, of a call and of a stream", async () => {
  const one = waiter();
  const many = waiter();
  await using server = await fix.serve({
    read: one.wait,
    async *list(request, call) {
      yield { text: "first" };
      yield await many.wait(request, call);
    },
  });
  using client = await fix.client(server.port);
  const stop = new AbortController();
  const call = assert.rejects(client.read({ text: "" }, { signal: stop.signal }), { code: "CANCELLED" });
  const stream = assert.rejects(
    async () => {
      for await (const _ of client.list({ text: "" }, { signal: stop.signal }));
    },
    { code: "CANCELLED" },
  );
  await Promise.all([one.started, many.started]);
  stop.abort();
  await Promise.all([call, stream]);
  await eventually(() => one.reasons[0] === "CANCELLED" && many.reasons[0] === "CANCELLED", {
    what: "both to be told",
  });
  await assert.rejects(client.read({ text: "" }, { signal: stop.signal }), { code: "CANCELLED" });
});

test("a call made for another goes no further than that one: its deadline, its end, its request id", async () => {
  const inner = waiter();
  await using far = await fix.serve({ read: inner.wait });
  using onward = await fix.client(far.port);
  await using near = await fix.serve({
    read: (request, call) => onward.read(request, { parent: call }),
  });
  using client = await fix.client(near.port);
  const tookMs = await timed(client.read({ text: "" }, { timeoutMs: 300, metadata: { "x-request-id": "r-1" } }), {
    code: "DEADLINE_EXCEEDED",
  });
  assert.ok(tookMs < 1500);
  const reached = await inner.started;
  assert.equal(reached.requestId, "r-1");
  assert.ok(reached.deadlineMs - Date.now() < 300);
  await eventually(() => inner.reasons.length === 1, { what: "the far handler to be told" });
});

test("a reader that stops early ends the handler, and nothing is thrown at the process", async () => {
  const ended = Promise.withResolvers<void>();
  await using server = await fix.serve({
    async *list() {
      try {
        for (let i = 0; ; i++) {
          yield { text: String(i) };
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        ended.resolve();
      }
    },
  });
  using client = await fix.client(server.port);
  const seen: string[] = [];
  for await (const { text } of client.list({ text: "" })) {
    seen.push(text);
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, ["0", "1", "2"]);
  await ended.promise;
  assert.deepEqual(await client.read({ text: "alive" }), { text: "alive" });
});

test("a slow reader holds the writer up, not the memory, and gets everything", async () => {
  const chunk = "x".repeat(64 * 1024);
  const count = 500;
  let written = 0;
  await using server = await fix.serve({
    async *list() {
      for (; written < count; written++) yield { text: chunk };
    },
  });
  using client = await fix.client(server.port);
  let read = 0;
  for await (const _ of client.list({ text: "" })) {
    read += 1;
    if (read !== 1) continue;
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(written < 100, `${written} of ${count} were written for one that was read`);
  }
  assert.equal(read, count);
});

test("a call is tried again while the server is away, unless it has an effect", async () => {
  const port = await freePort();
  using client = await fix.client(port);
  const first = await fix.serve({}, { port });
  await client.read({ text: "" });
  await first[Symbol.asyncDispose]();
  const reading = client.read({ text: "patient" });
  await assert.rejects(client.effect({ text: "" }), { code: "UNAVAILABLE" });
  await using _second = await fix.serve({}, { port });
  assert.deepEqual(await reading, { text: "patient" });
  await eventually(() => client.effect({ text: "back" }), { what: "the effect", timeoutMs: 3000 });
});

test("one address of several that is away is passed over", async () => {
  await using server = await fix.serve();
  const address = `127.0.0.1:${await freePort()},127.0.0.1:${server.port}`;
  const { loadWorkloadIdentity } = await import("@agentmesh/identity");
  const workload = await loadWorkloadIdentity(fix.environment.keyFileOf("gateway"), fix.environment.workloadTrustFile);
  using client = createClient(noteContract, { address, workload });
  for (let i = 0; i < 10; i++) assert.deepEqual(await client.effect({ text: "x" }), { text: "x" });
  assert.throws(() => openChannel({ address: "nowhere" }), {
    code: "INVALID_ARGUMENT",
    message: /"nowhere" is not host:port/,
  });
});

test("a client that was given a channel leaves it open", async () => {
  await using server = await fix.serve();
  const { loadWorkloadIdentity } = await import("@agentmesh/identity");
  const workload = await loadWorkloadIdentity(fix.environment.keyFileOf("gateway"), fix.environment.workloadTrustFile);
  using channel = openChannel({ address: `127.0.0.1:${server.port}` });
  createClient(noteContract, { address: channel, workload })[Symbol.dispose]();
  const other = createClient(noteContract, { address: channel, workload });
  assert.deepEqual(await other.read({ text: "open" }), { text: "open" });
});

test("health is answered to anybody, and says that a draining server takes no calls", async () => {
  await using server = await fix.serve();
  using health = createClient(healthContract, { address: `127.0.0.1:${server.port}` });
  assert.deepEqual(await health.check({}), { status: "SERVING" });
  server.setHealth("NOT_SERVING");
  assert.deepEqual(await health.check({}), { status: "NOT_SERVING" });
});

test("draining finishes the calls under way and takes no new ones", async () => {
  const held = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const server = await fix.serve({
    async read(request) {
      entered.resolve();
      await held.promise;
      return request;
    },
  });
  using client = await fix.client(server.port);
  using idle = await fix.client(server.port);
  await idle.effect({ text: "" });
  const underWay = client.read({ text: "finished" });
  await entered.promise;
  let drained = false;
  const draining = server[Symbol.asyncDispose]().then(() => {
    drained = true;
  });
  await assert.rejects(idle.effect({ text: "" }), { code: "UNAVAILABLE" });
  assert.equal(drained, false);
  held.resolve();
  assert.deepEqual(await underWay, { text: "finished" });
  await draining;
});

test("a call that does not end is cut when the drain's bound is reached", async () => {
  const stuck = waiter();
  const server = await fix.serve({ read: stuck.wait }, { drainMs: 300 });
  using client = await fix.client(server.port);
  const call = assert.rejects(client.read({ text: "" }, { timeoutMs: 4000 }), AppError);
  await stuck.started;
  const startedAtMs = performance.now();
  await server[Symbol.asyncDispose]();
  assert.ok(performance.now() - startedAtMs < 1500);
  await call;
});

test("a port that is taken is said with the address", async () => {
  await using server = await fix.serve();
  await assert.rejects(fix.serve({}, { port: server.port }), {
    code: "FAILED_PRECONDITION",
    reason: "PORT_IN_USE",
    message: new RegExp(`cannot listen on 127\\.0\\.0\\.1:${server.port}: .*free the port or choose another`),
  });
});

test("who may call is refused by default: no workload, a wrong one, a forged one, no user", async () => {
  await using server = await fix.serve();
  using nobody = await fix.client(server.port, "");
  using runner = await fix.client(server.port, "agent-runner");
  using gateway = await fix.client(server.port);
  const refused = { code: "PERMISSION_DENIED", reason: "WORKLOAD_NOT_ALLOWED" };
  for (const method of ["read", "effect", "user", "open"] as const) {
    await assert.rejects(nobody[method]({ text: "" }), refused);
    await assert.rejects(runner[method]({ text: "" }), refused);
  }
  await assert.rejects(nobody.read({ text: "" }, { metadata: { "x-mesh-workload": "a.b.c" } }), {
    code: "UNAUTHENTICATED",
    reason: "BAD_WORKLOAD",
  });
  await assert.rejects(gateway.user({ text: "" }), { code: "UNAUTHENTICATED", reason: "NO_TOKEN" });
  assert.deepEqual(await gateway.open({ text: "x" }), { text: "x" });
});
