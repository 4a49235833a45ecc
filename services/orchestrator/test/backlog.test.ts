// The backlog on a real database: order, ageing, fairness, and that nothing of it is a scan.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { busMigrations } from "@agentmesh/bus";
import { type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { type Database, openDatabase } from "@agentmesh/postgres";
import { resourceMigrations } from "@agentmesh/resources";
import { createLogger } from "@agentmesh/telemetry";
import { measureBacklog, RELEASE, releaseBacklog } from "../src/store/backlog.ts";
import { queryFor } from "../src/store/read-runs.ts";

let env: TestEnvironment;
let db: Database;
const stack = new AsyncDisposableStack();

before(async () => {
  env = stack.use(await testEnvironment("orchestrator", { redis: false, nats: false }));
  db = stack.use(
    await openDatabase({
      url: env.postgresUrl,
      schema: "orchestrator",
      migrations: [
        busMigrations,
        resourceMigrations,
        { name: "orchestrator", folder: new URL("../migrations/", import.meta.url) },
      ],
      log: createLogger({ service: "test", environment: "test", version: "0", level: "error" }),
    }),
  );
});
after(() => stack.disposeAsync());

type Queued = { tenant?: string; priority?: number; waitedS?: number; deadlineS?: number };

/** A queued step of a run of its own. @returns the run */
async function queue({ tenant = "acme", priority = 5, waitedS = 0, deadlineS = 300 }: Queued): Promise<string> {
  const id = newId();
  await db.query(
    `INSERT INTO run (id, tenant, workflow, version, state, priority, subject, origin, seq, input, created_at, deadline)
     VALUES ($1, $2, 'w', 1, 'running', $3::int, 's', 'o', 1, '{}', now(), now() + $4::int * interval '1 second')`,
    [id, tenant, priority, deadlineS],
  );
  await db.query(
    `INSERT INTO step (run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued, priority,
       deadline, worker, ready_at, input, cost_nano_usd, tenant, bucket)
     SELECT $1, 'a', 0, 'ready', 0, 0, 1, 0, 0, true, $3::int, now() + $5::int * interval '1 second', '',
       now() - $4::int * interval '1 second', '{}', 0, $2,
       floor(extract(epoch FROM now() - $4::int * interval '1 second') / 30)::int - $3::int`,
    [id, tenant, priority, waitedS, deadlineS],
  );
  return id;
}

async function releaseAll(limit: number): Promise<string[]> {
  const order: string[] = [];
  for (let round = 0; round < 100; round++) {
    const { released, more } = await releaseBacklog(db, limit);
    order.push(...released.map((step) => step.run));
    if (!more) return order;
  }
  return assert.fail("the backlog does not end");
}

test("higher priority first, within it the earlier deadline, within that the older", async () => {
  const low = await queue({ priority: 1 });
  const late = await queue({ priority: 8, deadlineS: 600 });
  const soon = await queue({ priority: 8, deadlineS: 60 });
  const high = await queue({ priority: 9, deadlineS: 600 });
  assert.deepEqual(await releaseAll(1), [high, soon, late, low]);
});

test("waiting outweighs priority: nothing starves behind a stream of what is more urgent", async () => {
  const old = await queue({ priority: 0, waitedS: 9 * 30 + 60 });
  const urgent = await Promise.all(Array.from({ length: 5 }, () => queue({ priority: 9 })));
  const order = await releaseAll(2);
  assert.equal(order[0], old);
  assert.deepEqual(new Set(order.slice(1)), new Set(urgent));
});

test("tenants take turns, however much one of them has", async () => {
  const many = await Promise.all(Array.from({ length: 40 }, () => queue({ tenant: "busy", priority: 9 })));
  const few = await Promise.all(["quiet", "small"].map((tenant) => queue({ tenant, priority: 1 })));
  const order = await releaseAll(10);
  assert.equal(order.length, 42);
  for (const run of few) assert.ok(order.indexOf(run) < 3, `at ${order.indexOf(run)}`);
  assert.equal(many.filter((run) => order.slice(0, 10).includes(run)).length, 8);
});

test("two replicas that release at once share the steps, each released once", async () => {
  const all = await Promise.all(Array.from({ length: 60 }, () => queue({})));
  const released = await Promise.all(Array.from({ length: 12 }, () => releaseBacklog(db, 10)));
  const first = released.flatMap((one) => one.released.map((step) => step.run));
  assert.equal(new Set(first).size, first.length);
  const rest = await releaseAll(100);
  assert.equal(first.length + rest.length, all.length);
});

test("steps that the version before queued are released as well", async () => {
  const id = await queue({});
  await db.query("UPDATE step SET tenant = '', bucket = 0 WHERE run = $1", [id]);
  assert.deepEqual(await releaseAll(10), [id]);
});

test("with 100 000 queued steps of 50 tenants a release reads a few hundred of them, by the index", async () => {
  await db.query(
    `WITH ids AS (
       SELECT gen_random_uuid() AS id, n, 'tenant-' || n % 50 AS tenant FROM generate_series(1, 100000) AS n
     ), runs AS (
       INSERT INTO run (id, tenant, workflow, version, state, priority, subject, origin, seq, input, created_at, deadline)
       SELECT id, tenant, 'w', 1, 'running', n % 10, 's', 'o', 1, '{}', now(), now() + interval '1 hour' FROM ids
     )
     INSERT INTO step (run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued, priority,
       deadline, worker, ready_at, input, cost_nano_usd, tenant, bucket)
     SELECT id, 'a', 0, 'ready', 0, 0, 1, 0, 0, true, n % 10, now() + interval '1 hour', '', now(), '{}', 0, tenant,
       floor(extract(epoch FROM now()) / 30)::int - n % 10 FROM ids`,
  );
  await db.query("ANALYZE step");
  await db.query("ANALYZE run");
  const limit = 500;
  const text = RELEASE.replaceAll("$1", String(limit))
    .replaceAll("$2", "''")
    .replaceAll("$3", "500")
    .replaceAll("$4", "8");
  const { rows } = await db.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
  );
  const [plan] = rows[0]?.["QUERY PLAN"] ?? [];
  assert.ok(plan);
  const nodes = flatten(plan.Plan);
  const scans = nodes.filter((node) => node["Node Type"] === "Seq Scan" && node["Relation Name"] === "step");
  assert.deepEqual(scans, []);
  const read = nodes
    .filter((node) => node["Relation Name"] === "step" && /Index/.test(node["Node Type"]))
    .reduce((sum, node) => sum + node["Actual Rows"] * node["Actual Loops"], 0);
  assert.ok(read < 6000, `${read} rows read of the index`);
  const began = performance.now();
  const { released } = await releaseBacklog(db, limit);
  const tookMs = performance.now() - began;
  assert.equal(released.length, limit);
  const byTenant = Map.groupBy(released, (step) => step.tenant);
  assert.equal(byTenant.size, 50);
  assert.ok([...byTenant.values()].every((steps) => steps.length === 10));
  const classes = await measureBacklog(db, 10_000);
  assert.equal(
    classes.reduce((sum, one) => sum + one.steps, 0),
    10_000,
  );
  console.log(`released ${limit} of 100 000 in ${tookMs.toFixed(1)} ms, ${read} index rows read`);
});

test("lists of runs read an index with each filter, also when there are 100 000", async () => {
  const page = { tenant: "tenant-7", workflow: "", state: "", parent: "", before: LAST, limit: 50 };
  const parent = newId();
  for (const filter of [{}, { workflow: "w" }, { state: "running" }, { state: "failed" }, { parent }]) {
    const one = { ...page, ...filter };
    const literal = (value: string | number) => (typeof value === "number" ? String(value) : `'${value}'`);
    const text = [one.tenant, one.before, one.workflow, one.state, one.limit, one.parent].reduce<string>(
      (sql, value, index) => sql.replaceAll(`$${index + 1}`, literal(value)),
      queryFor(one),
    );
    const { rows } = await db.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    );
    const [plan] = rows[0]?.["QUERY PLAN"] ?? [];
    assert.ok(plan);
    const scans = flatten(plan.Plan).filter((node) => node["Node Type"] === "Seq Scan");
    assert.deepEqual(scans, [], JSON.stringify(filter));
  }
});

const LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff";

type PlanNode = {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly Plans?: readonly PlanNode[];
};

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}
