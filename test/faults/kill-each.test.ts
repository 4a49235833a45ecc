// 200 tickets go through the mesh while each of its processes is killed in turn. Afterwards every ticket ended once and
// as it should, each model call has one ledger row, nothing is held any more, and the audit trail verifies.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Report } from "@agentmesh/example-support/report";
import { runJob } from "@agentmesh/example-support/run-job";
import { type RunningMesh, startMesh } from "@agentmesh/local";
import { removeMeshData } from "@agentmesh/local/remove-data";
import { seeded, shuffled } from "./random.ts";

const TICKETS = 200;
// Each process dies this long after its share of the tickets went out, at most.
const MAX_FUSE_MS = 300;
const SERVERS = ["nats", "redis", "postgres"];

const seed = Number(process.env.FAULT_SEED ?? 20_261_120);

test(`kill -9 of each service and server under ${TICKETS} tickets (FAULT_SEED=${seed})`, {
  timeout: 600_000,
}, async (t) => {
  const root = mkdtempSync(join(tmpdir(), "agentmesh-faults-"));
  try {
    // A runner that died with a hold must not keep the test waiting for the two minutes of production.
    await using mesh = await startMesh({ root, quiet: true, env: { HOLD_TTL_MS: "10000" } });
    const report = await runJob({
      ...mesh,
      tickets: TICKETS,
      progress: (line) => t.diagnostic(line),
      publish: (tickets, send) => publishWhileKilling(mesh, tickets, send, (line) => t.diagnostic(line)),
    });
    assertWhole(report);
  } finally {
    await removeMeshData(root);
  }
});

async function publishWhileKilling<T>(
  mesh: RunningMesh,
  tickets: readonly T[],
  send: (some: readonly T[]) => Promise<void>,
  log: (line: string) => void,
): Promise<void> {
  const random = seeded(seed);
  const services = [...new Set(mesh.services.map((service) => service.name))];
  const victims = [...shuffled(services, random), ...SERVERS];
  const share = Math.ceil(tickets.length / victims.length);
  for (const [index, victim] of victims.entries()) {
    const sending = send(tickets.slice(index * share, (index + 1) * share));
    const fuseMs = Math.round(random() * MAX_FUSE_MS);
    await wait(fuseMs);
    await mesh.kill(victim);
    await mesh.waitReady(victim);
    log(`killed ${victim} after ${fuseMs} ms; it is back`);
    await sending;
  }
}

function assertWhole(report: Report): void {
  const wrong = report.outcomes.filter((outcome) => outcome.problems.length > 0);
  assert.deepEqual(
    wrong.map(({ ticket, outcome, status, problems }) => ({ ticket, outcome, status, problems })),
    [],
  );
  assert.equal(report.outcomes.length, TICKETS);
  assert.deepEqual(report.ledger.problems, []);
  assert.ok(report.ledger.modelCalls > 0, "model calls were made");
  assert.deepEqual(report.audit.problems, []);
  assert.ok(report.audit.verified && report.audit.entries > 0n && report.audit.checkpoints > 0);
}
