// The support desk on two orchestrators and two runners, each ticket twice: what was answered before costs nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runJob } from "@agentmesh/example-support/run-job";
import { eventually } from "@agentmesh/harness";
import { adminClient, testMesh } from "./mesh.ts";

test("60 tickets over replicas end as they should, are paid for once, cached, audited and counted", {
  timeout: 240_000,
}, async (t) => {
  await using mesh = await testMesh({ replicas: { orchestrator: 2, "agent-runner": 2 } });
  const report = await runJob({ ...mesh, tickets: 60, progress: (line) => t.diagnostic(line) });
  assert.deepEqual(
    report.outcomes.filter((outcome) => outcome.problems.length > 0),
    [],
  );
  assert.deepEqual(report.ledger.problems, []);
  assert.deepEqual(report.audit.problems, []);
  assert.ok(report.ledger.cacheHits > 0, "the second round is answered from the cache");
  assert.ok(report.ledger.savedNanoUsd > 0n, "hits say what they saved");

  await using client = await adminClient(mesh);
  const { budgets } = await client.cost.listBudgetStates({});
  assert.ok(budgets.length > 0);
  for (const budget of budgets) assert.equal(budget.heldNanoUsd, 0n, `nothing is held of ${budget.name} any more`);
  const spend = await client.cost.getSpend({ by: ["agent"] });
  assert.deepEqual(spend.rows.map((row) => row.group.agent).sort(), ["classifier", "drafter", "reviewer"]);
  const { slas } = await client.alerting.listSlaStates({});
  assert.ok(
    slas.some((sla) => sla.samples > 0n),
    "tickets count towards the SLA",
  );
  await eventually(
    async () => (await client.alerting.listAlerts({})).alerts.some((alert) => alert.rule === "dlp-findings"),
    { what: "the alert about card numbers in tickets", timeoutMs: 30_000 },
  );
  const { services } = await client.gateway.getMesh({});
  assert.equal(services.filter((service) => service.serving).length, 8);
});
