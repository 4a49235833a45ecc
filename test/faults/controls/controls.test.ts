// Negative controls: without what the guarantees rest on, the same scenarios must go wrong, and these tests must see it.
// Otherwise the matrix would prove nothing.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { killAfterEffect, twoOfThree, twoResultsAtOnce } from "../matrix/scenarios.ts";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { applyTools, applyWorkflow, chainOf } from "../mesh/resources.ts";
import { assertOnce, assertOneHistory, endOf, type StartedRun, stepsDone } from "../mesh/runs.ts";
import { type Damage, damagedCopy } from "./damaged-copy.ts";

/** A join that fires does so within milliseconds. */
const neverMs = 5_000;

async function withDamage(damages: readonly Damage[], run: (mesh: FaultMesh) => Promise<void>): Promise<void> {
  using copy = damagedCopy("orchestrator", damages);
  const command = (service: string) => [
    process.execPath,
    service === "orchestrator" ? copy.main : join("services", service, "src", "main.ts"),
  ];
  await using mesh = await openFaultMesh({ command });
  await applyTools(mesh);
  await run(mesh);
}

test("with the epoch inside the effect's key a takeover does the effect again", async () => {
  const damage = {
    file: "src/handlers/wire-claims.ts",
    good: "function idempotencyKeyOf({ run, node, shard }: ClaimedStep): string {\n  return sha256Hex(`",
    bad: "function idempotencyKeyOf({ run, node, shard, epoch }: ClaimedStep): string {\n  return sha256Hex(`${epoch}/",
  };
  await withDamage([damage], async (mesh) => {
    await applyWorkflow(mesh, "two", chainOf("a", "b"));
    const run = await killAfterEffect(mesh, "two");
    await endOf(mesh, run);
    assert.deepEqual(mesh.effects.book.doubles(), [`orders/${run.mark}/a#0: 2 times`]);
    await assert.rejects(assertOnce(mesh, run, ["a", "b"]));
  });
});

test("without the lock on the run's row a join of two of three never fires", async () => {
  const noLock = {
    file: "src/store/runs.ts",
    good: "ORDER BY id FOR NO KEY UPDATE`",
    bad: "ORDER BY id`",
  };
  // It looks at each run now and then and would find the join that nobody saw: late, and with two histories.
  const noSweep = { file: "config.yaml", good: "sweepEveryMs: 1000", bad: "sweepEveryMs: 600000" };
  await withDamage([noLock, noSweep], async (mesh) => {
    await applyWorkflow(mesh, "two-of-three", twoOfThree);
    const run = await twoResultsAtOnce(mesh, "two-of-three");
    await eventually(() => bothDone(mesh, run), { what: "both results to be stored" });
    await assert.rejects(endOf(mesh, run, neverMs), /waited/);
    assert.deepEqual(stepsDone(mesh.effects.book.applied(run.mark)).sort(), ["x", "y"], "z never came");
    await assert.rejects(assertOneHistory(mesh, run), /two histories/);
  });
});

async function bothDone({ sql }: FaultMesh, { id }: StartedRun): Promise<boolean> {
  const { rowCount } = await sql.query(
    "SELECT 1 FROM orchestrator.step WHERE run = $1 AND node IN ('x', 'y') AND state = 'succeeded'",
    [id],
  );
  return rowCount === 2;
}
