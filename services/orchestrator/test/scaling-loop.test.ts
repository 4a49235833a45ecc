import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { startKubernetes } from "./scaling-api.fixture.ts";
import { openScalingWorld, type Replica } from "./scaling-loop.fixture.ts";

const BUSY = { cpu: "300m", memory: "128Mi" };

async function openClusterWorld() {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await openScalingWorld());
  const kubernetes = stack.use(await startKubernetes());
  kubernetes.deployments.set("agent-runner", { replicas: 4, version: 1, ...BUSY });
  kubernetes.deployments.set("orchestrator", { replicas: 3, version: 1, ...BUSY });
  const replicas = (name = "agent-runner") => kubernetes.deployments.get(name)?.replicas;
  const puts = () => kubernetes.calls.filter((call) => call.startsWith("PUT"));
  const start = (more: object = {}) => world.replica({ mode: "apply", kubernetes: kubernetes.settings, ...more });
  const opened = stack.move();
  return { ...world, kubernetes, replicas, puts, start, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Rounds that this replica decided in, waited for by their effect on the database. */
async function rounds(world: Awaited<ReturnType<typeof openClusterWorld>>, count: number): Promise<void> {
  const before = world.kubernetes.calls.length;
  // Two deployments a round, at least five calls each.
  await eventually(() => world.kubernetes.calls.length > before + 10 * count, { what: `${count} rounds` });
}

const leading = (replica: Replica) => replica.metric("agentmesh_scaling_leading");

test("without a cluster it plans: the decision is logged once, exported and stored", async () => {
  await using world = await openScalingWorld();
  await using replica = await world.replica({ mode: "apply" });
  const labels = { deployment: "orchestrator" };
  await eventually(async () => (await replica.metric("agentmesh_scaling_desired_replicas", labels)) === 2, {
    what: "the plan",
  });
  assert.equal(await replica.metric("agentmesh_scaling_current_replicas", labels), 1);
  const { rows: before } = await world.db.query<{ lease_until: Date }>("SELECT lease_until FROM scaling_target");
  await eventually(
    async () => {
      const { rows } = await world.db.query<{ lease_until: Date }>("SELECT lease_until FROM scaling_target");
      return rows.some(({ lease_until }) => Number(lease_until) > Number(before[0]?.lease_until) + 200);
    },
    { what: "more rounds" },
  );
  const said = replica.decisions.map(({ deployment, replicas, target, outcome }) => [
    deployment,
    replicas,
    target,
    outcome,
  ]);
  assert.deepEqual(said.toSorted(), [
    ["agent-runner", undefined, 0, "held"],
    ["orchestrator", 1, 2, "planned"],
  ]);
  const { rows } = await world.db.query<{ decision: { target: number; reasons: string[] } }>(
    "SELECT decision FROM scaling_target WHERE deployment = 'orchestrator'",
  );
  assert.equal(rows[0]?.decision.target, 2);
  assert.match(rows[0]?.decision.reasons.join() ?? "", /1 replicas are outside of 2 to 20/);
});

test("off does nothing at all", async () => {
  await using world = await openScalingWorld();
  await using replica = await world.replica({ mode: "off" });
  assert.equal(await leading(replica), undefined);
});

test("one of two replicas applies, once in a cooldown; its peer goes on when it leaves, within the same cooldown", async () => {
  await using world = await openClusterWorld();
  await world.queue(12);
  // A lease of 1.5 s: a busy machine must not take it away.
  await using first = await world.start({ everyMs: 500 });
  await eventually(() => world.replicas() === 6, { what: "two runners more" });
  await using second = await world.start({ everyMs: 500 });
  await rounds(world, 3);
  await eventually(async () => ((await leading(first)) ?? 0) + ((await leading(second)) ?? 0) === 2, {
    what: "one to lead and one to stand by",
  });
  await first[Symbol.asyncDispose]();
  await eventually(async () => (await leading(second)) === 2, { what: "the peer to lead" });
  await rounds(world, 3);
  assert.deepEqual([world.replicas(), world.puts().length], [6, 1]);
  const held = second.decisions.find(({ deployment }) => deployment === "agent-runner");
  assert.match(held?.reasons.join() ?? "", /up: queue 12 is over 10.*held: cooldown for \d+ s more/);
  assert.equal(await second.metric("agentmesh_scaling_queue_steps"), 12);
  assert.equal(
    await second.metric("agentmesh_scaling_signal", { deployment: "agent-runner", signal: "cpuPercent" }),
    60,
  );
});

test("replicas that somebody else changed begin a cooldown", async () => {
  await using world = await openClusterWorld();
  await using replica = await world.start();
  await rounds(world, 2);
  world.kubernetes.deployments.set("agent-runner", { replicas: 9, version: 5, ...BUSY });
  await rounds(world, 2);
  await world.queue(12);
  await eventually(() => replica.decisions.some(({ reasons }) => reasons.join().includes("cooldown")), {
    what: "the cooldown",
  });
  assert.deepEqual([world.replicas(), world.puts()], [9, []]);
});

test("an autoscaler's deployment is left alone, and what there should be is exported", async () => {
  await using world = await openClusterWorld();
  world.kubernetes.autoscaled.hpa = ["agent-runner"];
  await world.queue(12);
  await using replica = await world.start();
  await eventually(() => replica.decisions.find(({ outcome }) => outcome === "left-to-autoscaler"), {
    what: "the decision",
  });
  await rounds(world, 3);
  assert.deepEqual(world.puts(), []);
  assert.equal(await replica.metric("agentmesh_scaling_desired_replicas", { deployment: "agent-runner" }), 6);
  const counted = { deployment: "agent-runner", outcome: "left-to-autoscaler" };
  assert.equal(await replica.metric("agentmesh_scaling_changes_total", counted), 1, "once, and not in each round");
});

test("plan in a cluster sees everything and touches nothing", async () => {
  await using world = await openClusterWorld();
  await world.queue(12);
  await using replica = await world.start({ mode: "plan" });
  await eventually(() => replica.decisions.some(({ outcome, target }) => outcome === "planned" && target === 6), {
    what: "the plan",
  });
  assert.deepEqual(world.puts(), []);
});

test("whether an autoscaler owns it cannot be read, or there is no usage: nothing is scaled", async () => {
  await using world = await openClusterWorld();
  await world.queue(12);
  const broken = () => {
    for (let call = 0; call < 50; call++) world.kubernetes.fail("GET", { status: 403 });
  };
  broken();
  await using replica = await world.start();
  await eventually(() => world.kubernetes.calls.length > 10, { what: "some refusals" });
  assert.deepEqual([world.puts(), replica.decisions.length], [[], 0]);
  assert.equal(await replica.metric("agentmesh_scaling_desired_replicas"), undefined);
  world.kubernetes.deployments.set("agent-runner", { replicas: 4, version: 1, cpu: "", memory: "" });
  await eventually(() => replica.decisions.some(({ deployment }) => deployment === "agent-runner"), {
    what: "a decision without usage",
  });
  const [held] = replica.decisions.filter(({ deployment }) => deployment === "agent-runner");
  assert.equal(held?.target, 4);
  assert.match(held?.reasons.join() ?? "", /held: no figure for cpuPercent, memoryPercent.*is no quantity/);
  assert.deepEqual(world.puts(), []);
  world.kubernetes.deployments.set("agent-runner", { replicas: 4, version: 1, ...BUSY });
  await eventually(() => world.replicas() === 6, { what: "scaling to go on by itself" });
});

test("a change that was refused costs no cooldown: the next round makes it", async () => {
  await using world = await openClusterWorld();
  await world.queue(12);
  world.kubernetes.fail("PUT", { status: 403 });
  await using replica = await world.start();
  await eventually(() => world.replicas() === 6, { what: "the second try" });
  await rounds(world, 2);
  assert.equal(world.puts().length, 2);
  assert.equal(await replica.metric("agentmesh_scaling_changes_total", { outcome: "failed" }), 1);
  assert.equal(await replica.metric("agentmesh_scaling_changes_total", { outcome: "applied" }), 1);
});

test("a replica that leaves waits for no answer", async () => {
  await using world = await openClusterWorld();
  for (let call = 0; call < 50; call++) world.kubernetes.fail("GET", { slow: true });
  await using replica = await world.start({ kubernetes: { ...world.kubernetes.settings, timeoutMs: 60_000 } });
  await eventually(() => world.kubernetes.calls.length > 0, { what: "a call" });
  const before = performance.now();
  await replica[Symbol.asyncDispose]();
  assert.ok(performance.now() - before < 5_000);
});

test("while the database refuses, nothing stale is exported; afterwards it goes on", async () => {
  await using world = await openClusterWorld();
  await using replica = await world.start();
  const desired = () => replica.metric("agentmesh_scaling_desired_replicas");
  await eventually(async () => (await desired()) !== undefined, { what: "a decision" });
  await world.db.query("ALTER TABLE scaling_report RENAME TO elsewhere");
  await eventually(async () => (await desired()) === undefined, { what: "silence" });
  await world.db.query("ALTER TABLE elsewhere RENAME TO scaling_report");
  await eventually(async () => (await desired()) !== undefined, { what: "the next decision" });
});

test("a replica that lost its lease between its decision and its change makes none, and stands by", async () => {
  await using world = await openClusterWorld();
  await world.queue(12);
  // By the time the cluster has answered somebody else decides.
  world.kubernetes.beforeGet = async () => {
    await world.db.query("UPDATE scaling_target SET holder = 'another', lease_until = now() + interval '1 hour'");
  };
  await using replica = await world.start();
  const lost = { deployment: "agent-runner", direction: "up", outcome: "lease-lost" };
  await eventually(() => replica.metric("agentmesh_scaling_changes_total", lost), { what: "the decision" });
  await eventually(async () => (await leading(replica)) === 0, { what: "the replica to stand by" });
  assert.deepEqual(world.puts(), []);
  assert.equal(await replica.metric("agentmesh_scaling_desired_replicas"), undefined, "nothing stale is exported");
});

test("places that runners have taken are counted by their leases, of runs with few steps and with many", async () => {
  await using world = await openClusterWorld();
  const running: readonly [light: boolean, live: boolean, worker: string, leaseS: number][] = [
    [false, false, "a", 30],
    [true, true, "b", 30],
    // A lease that ended, and an item of a map that is settled, take no place.
    [false, false, "c", -1],
    [true, false, "d", 30],
  ];
  for (const [light, live, worker, leaseS] of running) {
    const id = newId();
    await world.db.query(
      `INSERT INTO run (id, tenant, workflow, version, state, priority, subject, origin, seq, input, created_at, deadline,
         wake_at, light)
       VALUES ($1, 'acme', 'w', 1, 'running', 5, 's', 'o', 1, '{}', now(), now() + interval '1 hour', now(), $2)`,
      [id, light],
    );
    await world.db.query(
      `INSERT INTO step (run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued, priority,
         deadline, worker, lease_until, input, cost_nano_usd, live)
       VALUES ($1, 'a', 0, 'running', 1, 0, 1, 0, 0, false, 5, now() + interval '1 hour', $2,
         now() + $3::int * interval '1 second', '{}', 0, $4)`,
      [id, worker, leaseS, live],
    );
  }
  await using replica = await world.start({ runner: { placesPerReplica: 1 } });
  const places = { deployment: "agent-runner", signal: "placesPercent" };
  await eventually(async () => (await replica.metric("agentmesh_scaling_signal", places)) === 50, {
    what: "2 of 4 places",
  });
});

test("steps that are not sent yet wait too, and the oldest says for how long", async () => {
  await using world = await openClusterWorld();
  const waiting = [9, 9, 1];
  for (const priority of waiting) {
    await world.db.query(
      `INSERT INTO step (run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued, priority,
         deadline, worker, ready_at, input, cost_nano_usd)
       VALUES ($1, 'a', 0, 'ready', 0, 0, 1, 0, 0, true, $2, now() + interval '1 hour', '',
         now() - interval '90 seconds', '{}', 0)`,
      [newId(), priority],
    );
  }
  await using replica = await world.start();
  await eventually(async () => (await replica.metric("agentmesh_scaling_queue_steps")) === 3, { what: "the backlog" });
  const latency = { deployment: "agent-runner", signal: "latencyMs" };
  const waitedMs = await eventually(() => replica.metric("agentmesh_scaling_signal", latency), { what: "a decision" });
  assert.ok(waitedMs >= 90_000 && waitedMs < 120_000, `${waitedMs}`);
});
