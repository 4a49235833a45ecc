import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { busMigrations } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import { testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { type Database, openDatabase } from "@agentmesh/postgres";
import { resourceMigrations } from "@agentmesh/resources";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { z } from "zod";
import type { ToolArguments, ToolCallContext } from "../src/domain/tool.ts";
import { toolSpec } from "../src/domain/tool-spec.ts";
import { openEffects } from "../src/effects/open-effects.ts";
import { runnerMetrics } from "../src/metrics.ts";
import { deleteOldEffects, forgetOldAnswers } from "../src/store/effects.ts";
import { builtinFunctions } from "../src/tools/functions/builtin.ts";
import { defineFunction, registerFunctions } from "../src/tools/functions/define-function.ts";
import { makeTool, type ToolPorts } from "../src/tools/make-tool.ts";
import { openMcpSessions } from "../src/tools/mcp/open-mcp-sessions.ts";
import { openHttpCaller } from "../src/tools/open-http-caller.ts";
import { byLooking, type EffectServer, lookingTool, payingTool, startEffectServer } from "./effect-server.ts";

// Tools in each mode against a system that writes down its effects, with the rows in a real PostgreSQL.
const log = createLogger({ service: "agent-runner", environment: "test", version: "0", level: "error" });
let stack: AsyncDisposableStack;
let server: EffectServer;
let url: string;
let db: Database;
let replica: Replica;

type Replica = { pay(mode: string, order: string, more?: Pay): Promise<unknown>; metrics(): Promise<string> };
type Pay = { readonly key?: string; readonly amount?: number } & Partial<ToolCallContext>;

const modes: Record<string, object | undefined> = { keyed: undefined, verify: byLooking, none: { mode: "none" } };

before(async () => {
  stack = new AsyncDisposableStack();
  server = stack.use(await startEffectServer());
  const environment = stack.use(await testEnvironment("agent-runner", { nats: false, redis: false }));
  url = environment.postgresUrl;
  db = await openDb();
  replica = openReplica(db);
});
after(() => stack.disposeAsync());

async function openDb(): Promise<Database> {
  const folder = new URL("../migrations/", import.meta.url);
  const migrations = [busMigrations, resourceMigrations, { name: "agent-runner", folder }];
  return stack.use(await openDatabase({ url, schema: "agent_runner", migrations, log, maxConnections: 4 }));
}

function openReplica(own: Database): Replica {
  const http = stack.use(openHttpCaller({ allowPrivateNetworks: true }));
  const metrics = createMetrics({});
  const make = (name: string, spec: object) => makeTool({ name, version: 1 }, toolSpec.parse(spec), ports);
  const effects = openEffects({
    db: own,
    log,
    measured: runnerMetrics(metrics),
    tool: () => make("paid", lookingTool(server.origin)),
  });
  const mcp = stack.use(openMcpSessions({ commands: {}, http }));
  const ports: ToolPorts = { http, mcp, functions: builtinFunctions, effects };
  return {
    async pay(mode, order, { key = order, amount = 1, ...more } = {}) {
      const args: ToolArguments = { order, amount };
      return make("pay", payingTool(server.origin, modes[mode])).run(args, {
        signal: new AbortController().signal,
        idempotencyKey: key,
        caller: { tenant: "acme", subject: "user:ada", permissions: new Set() },
        callAgent: () => Promise.reject(new Error("no agents here")),
        ...more,
      });
    },
    metrics: async () => metrics.render(),
  };
}

async function stateOf(key: string): Promise<string | undefined> {
  const { rows } = await db.query<{ state: string }>("SELECT state FROM effect WHERE tenant = 'acme' AND key = $1", [
    key,
  ]);
  return rows[0]?.state;
}

/** What a step that was reported in doubt comes to. */
async function tell(key: string, attempt: number): Promise<void> {
  await openEffects({ db, log, measured: { effect: () => undefined }, tool: assert.fail }).told("acme", key, attempt);
}

for (const mode of ["verify", "none"]) {
  test(`${mode}: a repeat gets the first answer; other arguments under the same key are a conflict`, async () => {
    const order = `${mode}-once`;
    const first = await replica.pay(mode, order);
    assert.equal(await stateOf(order), "DONE");
    assert.deepEqual(await replica.pay(mode, order, { attempt: 3 }), first);
    await assert.rejects(replica.pay(mode, order, { amount: 2 }), { code: "CONFLICT", reason: "EFFECT_CONFLICT" });
    assert.deepEqual([server.callsOf(order).length, server.effectsOf(order)], [1, 1]);
  });

  test(`${mode}: what the other system refuses, or never heard of, was not made and may be tried again`, async () => {
    const order = `${mode}-refused`;
    server.play(order, "refuse");
    await assert.rejects(replica.pay(mode, order), { code: "FAILED_PRECONDITION", message: /422/ });
    assert.equal(await stateOf(order), undefined);
    const assertMayAct = () => {
      throw new Error("the lease is gone");
    };
    await assert.rejects(replica.pay(mode, order, { assertMayAct }), /the lease is gone/);
    assert.deepEqual([await stateOf(order), server.callsOf(order).length], [undefined, 1]);
    await replica.pay(mode, order);
    assert.equal(server.effectsOf(order), 1);
  });
}

test("verify: an answer that was lost is asked for; what is not there is called again", async () => {
  server.play("lost", "apply and cut");
  assert.deepEqual(await replica.pay("verify", "lost"), { order: "lost", state: "paid" });
  assert.deepEqual([await stateOf("lost"), server.callsOf("lost").length], ["DONE", 1]);
  for (const behaviour of ["hang", "cut"] as const) {
    server.play(behaviour, behaviour);
    await assert.rejects(replica.pay("verify", behaviour), { retryable: true });
    assert.equal(await stateOf(behaviour), undefined, "it is known not to be there");
    await replica.pay("verify", behaviour, { attempt: 2 });
    assert.equal(server.effectsOf(behaviour), 1);
  }
});

test("verify: what was made and answered too much, or with 500, was made", async () => {
  for (const behaviour of ["answer too much", "apply and fail", "apply and hang"] as const) {
    const order = behaviour.replaceAll(" ", "-");
    server.play(order, behaviour);
    assert.deepEqual(await replica.pay("verify", order), { order, state: "paid" });
    assert.equal(server.callsOf(order).length, 1);
  }
});

test("verify: as long as nobody can tell it is in doubt, and asked again when somebody tries again", async () => {
  server.play("unknown", "apply and cut");
  server.asking = "down";
  const doubt = { code: "FAILED_PRECONDITION", reason: "IN_DOUBT", retryable: false };
  await assert.rejects(replica.pay("verify", "unknown"), doubt);
  await assert.rejects(replica.pay("verify", "unknown"), doubt);
  await tell("unknown", 1);
  assert.equal(await stateOf("unknown"), "IN_DOUBT");
  await assert.rejects(replica.pay("verify", "unknown", { attempt: 2 }), doubt);
  server.asking = "answers";
  assert.deepEqual(await replica.pay("verify", "unknown", { attempt: 2 }), { order: "unknown", state: "paid" });
  assert.equal(server.callsOf("unknown").length, 1);
});

test("none: without an answer it is in doubt and not called again, until a person says so", async () => {
  for (const behaviour of ["apply and cut", "cut", "hang", "apply and fail"] as const) {
    const order = `none-${behaviour.replaceAll(" ", "-")}`;
    server.play(order, behaviour);
    await assert.rejects(replica.pay("none", order), { reason: "IN_DOUBT" });
    await assert.rejects(replica.pay("none", order), { reason: "IN_DOUBT" });
    await assert.rejects(replica.pay("none", order, { attempt: 2 }), { reason: "IN_DOUBT" }, "nobody was told yet");
    assert.equal(server.callsOf(order).length, 1);
    await tell(order, 2);
    await assert.rejects(replica.pay("none", order, { attempt: 2 }), { reason: "IN_DOUBT" });
    await replica.pay("none", order, { attempt: 3 });
    assert.deepEqual([server.callsOf(order).length, await stateOf(order)], [2, "DONE"]);
  }
});

test("two replicas at the same effect: one has it, the other waits and answers the same", async () => {
  const other = openReplica(await openDb());
  for (const mode of ["verify", "none"]) {
    const orders = Array.from({ length: 10 }, (_, n) => `${mode}-race-${n}`);
    for (const order of orders) {
      const [one, two] = await Promise.all([replica.pay(mode, order), other.pay(mode, order)]);
      assert.deepEqual(one, two);
      assert.equal(server.callsOf(order).length, 1);
    }
  }
});

test("keyed: the other system makes one of all calls with our key, and there is no row for it", async () => {
  server.play("keyed-lost", "apply and cut");
  await assert.rejects(replica.pay("keyed", "keyed-lost"), { code: "UNAVAILABLE" });
  assert.equal(await replica.pay("keyed", "keyed-lost"), "keyed-lost was paid");
  assert.deepEqual([server.effectsOf("keyed-lost"), await stateOf("keyed-lost")], [1, undefined]);
  assert.deepEqual(
    server.callsOf("keyed-lost").map(({ key }) => key),
    ["keyed-lost", "keyed-lost"],
  );
});

test("the key goes where the declaration says, whatever the arguments say", async () => {
  modes.header = { mode: "keyed", header: "X-Request-Id" };
  modes.field = { mode: "keyed", field: "/meta/request~1id" };
  modes.both = { mode: "keyed", header: "x-key", field: "/amount" };
  await replica.pay("header", "placed-1", { key: "k1" });
  await replica.pay("field", "placed-2", { key: "k2" });
  await replica.pay("both", "placed-3", { key: "k3", amount: 7 });
  const [first, second, third] = ["placed-1", "placed-2", "placed-3"].map((order) => server.callsOf(order)[0]);
  assert.deepEqual([first?.headers["x-request-id"], first?.key], ["k1", undefined]);
  assert.deepEqual([second?.body, second?.key], [{ amount: 1, meta: { "request/id": "k2" } }, undefined]);
  assert.deepEqual([third?.headers["x-key"], third?.body], ["k3", { amount: "k3" }]);
});

test("a function with an effect that says nothing of it is called at most once; what it refuses was not done", async () => {
  const calls: string[] = [];
  const send = defineFunction({
    name: "send",
    parameters: z.strictObject({ order: z.string() }),
    run({ order }) {
      calls.push(order);
      if (order === "refused") throw new AppError("FAILED_PRECONDITION", "no such address");
      if (order === "broken") throw new Error("nobody knows");
      return "sent";
    },
  });
  const ports = { ...portsOf(), functions: registerFunctions([send]) };
  const spec = { description: "Sends", effect: "effectful", source: { type: "function", name: "send" } };
  const tool = makeTool({ name: "send", version: 1 }, toolSpec.parse(spec), ports);
  const run = async (order: string) =>
    tool.run(
      { order },
      {
        signal: new AbortController().signal,
        idempotencyKey: `function-${order}`,
        caller: { tenant: "acme", subject: "user:ada", permissions: new Set() },
        callAgent: () => Promise.reject(new Error("no agents here")),
      },
    );
  assert.deepEqual([await run("fine"), await run("fine")], ["sent", "sent"]);
  for (const _ of [1, 2]) await assert.rejects(run("refused"), { message: "no such address" });
  for (const _ of [1, 2]) await assert.rejects(run("broken"), { reason: "IN_DOUBT" });
  assert.deepEqual(calls, ["fine", "refused", "refused", "broken"]);
});

test("what cannot be meant is refused when it is declared", () => {
  const says = (spec: object) => toolSpec.safeParse(payingTool(server.origin, undefined, spec)).error?.message ?? "";
  assert.match(says({ effect: "read", effects: { mode: "none" } }), /is for tools with .*effectful/);
  assert.match(says({ source: { type: "identity" }, effects: { mode: "none" } }), /no effect of its own/);
  const source = { type: "http", method: "DELETE", url: "http://a/{order}", headers: { "Idempotency-Key": "x" } };
  assert.match(says({ source, effects: { mode: "keyed" } }), /says idempotency-key already/);
  assert.match(says({ source, effects: { mode: "keyed", field: "/id" } }), /DELETE has no body/);
  assert.match(says({ effects: { mode: "keyed", header: "authorization" } }), /header of HTTP itself/);
  assert.match(
    says({ source: { type: "function", name: "f" }, effects: { mode: "keyed", header: "k" } }),
    /no headers/,
  );
  const bad = { ...byLooking, input: "$..order" };
  assert.throws(
    () => makeTool({ name: "pay", version: 1 }, toolSpec.parse(payingTool(server.origin, bad)), portsOf()),
    { reason: "BAD_PATH" },
  );
});

function portsOf(): ToolPorts {
  const http = stack.use(openHttpCaller({ allowPrivateNetworks: true }));
  const effects = openEffects({ db, log, measured: { effect: () => undefined }, tool: assert.fail });
  return { http, mcp: stack.use(openMcpSessions({ commands: {}, http })), functions: builtinFunctions, effects };
}

test("an answer that had to be forgotten leaves the effect: a repeat has none and says why it has no answer", async () => {
  await replica.pay("none", "forgotten");
  const before = new Date(Date.now() + 60_000);
  assert.equal(await forgetOldAnswers(db, { tenant: "globex", before, limit: 100 }), 0);
  assert.ok((await forgetOldAnswers(db, { tenant: "acme", before, limit: 100 })) > 0);
  await assert.rejects(replica.pay("none", "forgotten"), { code: "DATA_LOSS", reason: "EFFECT_ANSWER_LOST" });
  assert.equal(server.callsOf("forgotten").length, 1);
});

test("effects that are long done are forgotten, those in doubt are kept longer; both are counted", async () => {
  const old = new Date(Date.now() - 3_600_000);
  const kept = async () => (await db.query("SELECT key FROM effect WHERE tenant = 'old' ORDER BY key")).rows;
  await db.query(
    `INSERT INTO effect (tenant, key, tool, state, attempt, token, request_hash, busy_until, at)
     SELECT 'old', state || n, 'pay', state, 1, $1, '', $2, now() - n * interval '2 hours'
     FROM unnest(ARRAY['DONE', 'INTENT', 'IN_DOUBT']) state, generate_series(0, 1) n`,
    [newId(), old],
  );
  assert.equal(await deleteOldEffects(db, old, new Date(0), 10), 1);
  assert.deepEqual(await kept(), [
    { key: "DONE0" },
    { key: "INTENT0" },
    { key: "INTENT1" },
    { key: "IN_DOUBT0" },
    { key: "IN_DOUBT1" },
  ]);
  assert.equal(await deleteOldEffects(db, old, old, 10), 2);
  const text = await replica.metrics();
  for (const outcome of ["intent", "made", "repeat_suppressed", "found_made", "not_made", "in_doubt", "conflict"]) {
    assert.match(text, new RegExp(`agentmesh_effects_total\\{outcome="${outcome}"\\} [1-9]`));
  }
});
