import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { publishSnapshots } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import pg from "pg";
import { type Mesh, startMesh } from "./mesh.fixture.ts";

let mesh: Mesh;
let sql: pg.Client;
const stack = new AsyncDisposableStack();

before(async () => {
  mesh = stack.use(await startMesh({ replicas: 3 }));
  const value = { tenant: "acme", name: "desk", version: 1, labels: {}, spec: {} };
  const rows = async () => [{ key: "acme.desk", version: 1, value }];
  stack.use(await publishSnapshots(mesh.bus, "resource_serviceaccount", rows));
  await mesh.apply("Workflow", "nightly", {
    input: { type: "object", required: ["scheduledAt"] },
    steps: [{ id: "tell", kind: "emit", event: { type: "night.came" } }],
    output: "$.input",
  });
  sql = new pg.Client({ connectionString: mesh.env.postgresUrl });
  await sql.connect();
  stack.defer(() => sql.end());
});
after(() => stack.disposeAsync());

const trigger = (schedule: object, more: object = {}) => ({ schedule, workflow: "nightly", runAs: "desk", ...more });

async function runsOf(name: string) {
  const client = await mesh.client();
  const { runs } = await client.listRuns({ workflow: "nightly", pageSize: 500 }, { token: mesh.token });
  return runs.filter((run) => run.origin.startsWith(`trigger:${name}:`));
}

/** As if the schedule had been due since then: nobody waits for midnight in a test. */
async function dueSince(name: string, since: Date): Promise<void> {
  await sql.query("UPDATE trigger_schedule SET next_at = $2, look_at = $2 WHERE name = $1", [name, since]);
}

async function nextOf(name: string): Promise<Date | undefined> {
  const { rows } = await sql.query<{ next_at: Date }>("SELECT next_at FROM trigger_schedule WHERE name = $1", [name]);
  return rows[0]?.next_at;
}

test("a time starts one run, however many replicas look, and the next one is the schedule's", async () => {
  await mesh.apply("Trigger", "one", trigger({ cron: "0 3 * * *", timeZone: "Europe/Zurich" }));
  const planned = await nextOf("one");
  assert.ok(planned && planned > new Date());
  assert.equal(planned.toLocaleTimeString("en-GB", { timeZone: "Europe/Zurich" }), "03:00:00");
  const yesterday = new Date(planned.getTime() - 24 * 3600 * 1000);
  await dueSince("one", yesterday);
  const run = await eventually(async () => (await runsOf("one")).find((one) => one.state === "RUN_STATE_SUCCEEDED"), {
    what: "the run of the time",
  });
  assert.deepEqual([run.subject, run.output], ["svc:desk", { scheduledAt: yesterday.toISOString() }]);
  assert.equal(run.dedupeKey, `event:schedule:one#${yesterday.toISOString()}`);
  assert.deepEqual(await nextOf("one"), planned);
  await dueSince("one", yesterday);
  await eventually(async () => (await nextOf("one"))?.getTime() === planned.getTime(), { what: "the second look" });
  assert.equal((await runsOf("one")).length, 1, "the same time again, as after a restored backup, is the same run");
});

test("after an outage: none, the last, or each of the missed times", async () => {
  const since = new Date(Date.now() - 5 * 3600 * 1000);
  since.setMinutes(30, 0, 0);
  for (const missed of ["skip", "last", "all"] as const) {
    await mesh.apply("Trigger", missed, trigger({ cron: "30 * * * *", missed }));
    await dueSince(missed, since);
    await eventually(async () => ((await nextOf(missed))?.getTime() ?? 0) > Date.now(), {
      what: `${missed} to be looked at`,
    });
  }
  const counts = await Promise.all(["skip", "last", "all"].map(async (name) => (await runsOf(name)).length));
  const passed = Math.floor((Date.now() - since.getTime()) / 3_600_000) + 1;
  const isOnTime = Date.now() - since.getTime() - (passed - 1) * 3_600_000 < 60_000;
  assert.deepEqual(counts, [isOnTime ? 1 : 0, 1, passed]);
});

test("changed times count from the change, other changes keep the next time, and a deleted one fires no more", async () => {
  await mesh.apply("Trigger", "moving", trigger({ cron: "0 3 * * *" }));
  const first = await nextOf("moving");
  await mesh.apply("Trigger", "moving", trigger({ cron: "0 3 * * *", missed: "all" }));
  assert.deepEqual(await nextOf("moving"), first);
  await mesh.apply("Trigger", "moving", trigger({ cron: "0 4 * * *" }));
  assert.notDeepEqual(await nextOf("moving"), first);
  await mesh.apply("Trigger", "moving", {
    ...trigger({}),
    schedule: undefined,
    event: { type: "a.b", publisher: "x" },
  });
  assert.equal(await nextOf("moving"), undefined, "it became a trigger of events");
  await mesh.apply("Trigger", "moving", trigger({ cron: "0 4 * * *" }));
  const client = await mesh.client();
  await client.deleteResource({ kind: "Trigger", name: "moving" }, { token: mesh.token });
  assert.equal(await nextOf("moving"), undefined);
});

test("a schedule whose input does not fit is kept as a rejection, once a time, and does not hold up the others", async () => {
  await mesh.apply("Trigger", "unfit", trigger({ cron: "0 3 * * *" }, { input: { other: 1 } }));
  await mesh.apply("Trigger", "fit", trigger({ cron: "0 3 * * *" }));
  for (const name of ["unfit", "fit"]) await dueSince(name, new Date(Date.now() - 2 * 24 * 3600 * 1000));
  await eventually(async () => (await runsOf("fit"))[0], { what: "the run of the other" });
  const client = await mesh.client();
  const { rejections } = await client.listRejections({}, { token: mesh.token });
  const mine = rejections.filter((one) => one.trigger === "unfit");
  assert.deepEqual(
    mine.map((one) => one.code),
    ["INVALID_INPUT"],
  );
});

test("what is no schedule is refused with the field and what to do", async () => {
  const refused: readonly [object, RegExp][] = [
    [trigger({ cron: "61 * * * *" }), /schedule\.cron.*five fields/],
    [trigger({ cron: "0 3 * * *", timeZone: "Mars/Olympus" }), /schedule\.timeZone.*IANA/],
    [trigger({ cron: "0 0 31 2 *" }), /never comes/],
    [{ workflow: "nightly", runAs: "desk" }, /exactly one of event, schedule and webhook; this one has none/],
    [trigger({ cron: "0 3 * * *" }, { event: { type: "a.b", publisher: "x" } }), /this one has 2 of them/],
  ];
  for (const [spec, message] of refused) await assert.rejects(mesh.apply("Trigger", "wrong", spec), { message });
});
