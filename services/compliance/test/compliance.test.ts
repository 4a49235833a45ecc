import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { recordAudit, recordAudits } from "@agentmesh/audit";
import { busMigrations, connectBus, startRelay } from "@agentmesh/bus";
import { eventually, type TestCallers, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { openDatabase } from "@agentmesh/postgres";
import type { AuditEntry } from "@agentmesh/proto/compliance";
import { complianceContract } from "@agentmesh/proto/compliance.contract";
import type { Client } from "@agentmesh/rpc";
import type { Running } from "@agentmesh/service";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import pg from "pg";
import type { ComplianceConfig } from "../src/config.ts";
import { leafHash, verifyInclusion } from "../src/domain/merkle.ts";
import { startCompliance } from "../src/service.ts";

let stack: AsyncDisposableStack;
let environment: TestEnvironment;
let callers: TestCallers;
let gateways: Client<typeof complianceContract>[];
let replicas: Running[];

function config(): ComplianceConfig {
  return {
    environment: "test",
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    nats: { url: environment.natsUrl },
    workload: { keyFile: environment.workloadKeyFile, trustFile: environment.workloadTrustFile },
    log: { level: "error" },
    tracing: { otlpEndpoint: "" },
    postgres: { url: environment.postgresUrl, maxConnections: 5 },
    masterKeyFile: environment.masterKeyFile,
    audit: { checkpointMs: 100 },
  };
}

before(async () => {
  stack = new AsyncDisposableStack();
  environment = stack.use(await testEnvironment("compliance", { redis: false }));
  callers = stack.use(await testCallers(environment));
  replicas = await Promise.all([startCompliance(config()), startCompliance(config())]);
  for (const replica of replicas) stack.use(replica);
  gateways = await Promise.all(replicas.map((replica) => callers.client(complianceContract, replica.port)));
});

after(() => stack.disposeAsync());

function entry(tenant: string, index: number): Partial<AuditEntry> {
  return {
    id: newId(),
    tenant,
    at: new Date(),
    subject: `user:${index % 3}`,
    action: "test.done",
    outcome: "succeeded",
  };
}

async function monitor(tenant: string) {
  return {
    token: await callers.token({ tenant, permissions: ["system:monitor", "system:config", "data:read:internal"] }),
  };
}

async function append(tenant: string, count: number): Promise<Partial<AuditEntry>[]> {
  const entries = Array.from({ length: count }, (_, index) => entry(tenant, index));
  const calls = entries.map((one, index) => gateways[index % 2]?.appendAudit({ entries: [one] }));
  await Promise.all(calls);
  return entries;
}

async function signed(tenant: string, entries: bigint) {
  return eventually(
    async () => {
      const [gateway] = gateways;
      const reply = await gateway?.verifyAudit({}, await monitor(tenant));
      return reply && reply.checkpoints > 0 && reply.entries === entries ? reply : undefined;
    },
    { what: `${entries} entries of ${tenant} under a checkpoint` },
  );
}

test("entries of two replicas make one tree without gap or fork; a repeated id is one entry; the tree verifies", async () => {
  const entries = await append("acme", 400);
  const first = entries[0] ?? assert.fail();
  await gateways[1]?.appendAudit({ entries: [first, first] });
  const reply = await signed("acme", 400n);
  assert.deepEqual(reply.problems, []);
  assert.equal(reply.verified, true);
  const listed = await gateways[0]?.listAudit({ subject: "user:1", pageSize: 1000 }, await monitor("acme"));
  assert.equal(listed?.entries.length, 133);
  assert.ok(listed?.entries.every((one) => one.service === "gateway"));
});

test("an entry's inclusion is provable offline against the signed checkpoint", async () => {
  const [one = assert.fail()] = await append("prove", 57);
  await signed("prove", 57n);
  // The first checkpoint may be of fewer entries.
  const proof = await eventually(
    async () => gateways[0]?.getAuditProof({ entryId: one.id ?? "" }, await monitor("prove")),
    { what: "the entry to be under a checkpoint" },
  );
  assert.ok(proof?.entry);
  const [origin, size, root = ""] = proof.checkpoint.split("\n");
  assert.deepEqual([origin, size], ["agentmesh/audit/prove", String(proof.treeSize)]);
  const { AuditEntry: codec } = await import("@agentmesh/proto/compliance");
  const leaf = leafHash(codec.encode(proof.entry).finish());
  const path = proof.path.map((hash) => Buffer.from(hash));
  assert.ok(verifyInclusion(leaf, proof.entry.seq, proof.treeSize, path, Buffer.from(root, "base64")));
});

test("entries recorded with a service's own state arrive once, and tenant and service are those of the subject", async () => {
  const log = createLogger({ service: "cost", environment: "test", version: "0", level: "error" });
  await using bus = await connectBus({ url: environment.natsUrl, service: "cost", log, metrics: createMetrics({}) });
  const other = await testEnvironment("cost", { redis: false, nats: false });
  await using _other = other;
  await using db = await openDatabase({ url: other.postgresUrl, schema: "cost", migrations: [busMigrations], log });
  await using _relay = startRelay(bus, db);
  await db.transaction((tx) =>
    recordAudit(tx, {
      tenant: "outbox",
      service: "cost",
      subject: "user:9",
      action: "budget.applied",
      resource: "Budget/x",
      outcome: "succeeded",
    }),
  );
  const rolledBack = db.transaction(async (tx) => {
    await recordAudit(tx, {
      tenant: "outbox",
      service: "cost",
      subject: "user:9",
      action: "never",
      resource: "x",
      outcome: "succeeded",
    });
    throw new Error("rolled back");
  });
  await assert.rejects(rolledBack, /rolled back/);
  await signed("outbox", 1n);
  const listed = await gateways[0]?.listAudit({}, await monitor("outbox"));
  assert.deepEqual(
    listed?.entries.map((one) => [one.service, one.action]),
    [["cost", "budget.applied"]],
  );
  const many = Array.from({ length: 250 }, (_, index) => ({
    tenant: index < 5 ? "few" : "many",
    service: "cost",
    subject: "user:9",
    action: `done.${index}`,
    resource: "x",
    outcome: "succeeded" as const,
  }));
  await db.transaction((tx) => recordAudits(tx, many));
  await Promise.all([signed("few", 5n), signed("many", 245n)]);
  const few = await gateways[0]?.listAudit({}, await monitor("few"));
  assert.deepEqual(few?.entries.map((one) => one.action).sort(), ["done.0", "done.1", "done.2", "done.3", "done.4"]);
});

const tamperings: [string, string][] = [
  ["an edited entry", "UPDATE audit_entry SET body = body || '\\x00'::bytea WHERE tenant = $1 AND seq = 3"],
  ["an edited column", "UPDATE audit_entry SET subject = 'user:other' WHERE tenant = $1 AND seq = 3"],
  ["a deleted entry", "DELETE FROM audit_entry WHERE tenant = $1 AND seq = 3"],
  ["a truncated trail", "DELETE FROM audit_entry WHERE tenant = $1 AND seq >= 8"],
  [
    "two entries swapped",
    `UPDATE audit_entry e SET body = o.body, id = gen_random_uuid() FROM audit_entry o
     WHERE e.tenant = $1 AND o.tenant = $1 AND e.seq IN (3, 4) AND o.seq = 7 - e.seq`,
  ],
  [
    "a rewrite of everything in the database",
    `WITH gone AS (DELETE FROM audit_checkpoint WHERE tenant = $1), entries AS (DELETE FROM audit_entry WHERE tenant = $1 AND seq >= 5)
     UPDATE audit_tree SET size = 5 WHERE tenant = $1`,
  ],
];

for (const [index, [name, sql]] of tamperings.entries()) {
  test(`verification finds ${name} that a superuser made`, async () => {
    const tenant = `tampered-${index}`;
    await append(tenant, 10);
    assert.equal((await signed(tenant, 10n)).verified, true);
    const admin = new pg.Client({ connectionString: environment.adminPostgresUrl });
    await admin.connect();
    try {
      await assert.rejects(
        admin.query(sql.replace("audit_", "compliance.audit_").replaceAll(" audit_", " compliance.audit_"), [tenant]),
        /append-only/,
      );
      await admin.query("SET session_replication_role = replica");
      await admin.query("SET search_path = compliance");
      await admin.query(sql, [tenant]);
    } finally {
      await admin.end();
    }
    const reply = await gateways[0]?.verifyAudit({}, await monitor(tenant));
    assert.equal(reply?.verified, false);
    assert.notEqual(reply?.problems.length, 0);
  });
}

test("a text is classified and redacted by the tenant's policy, which every replica follows", async () => {
  const text = "card 4111 1111 1111 1111, mail ann@example.com";
  const before = await gateways[0]?.classify({ text }, await monitor("policy"));
  assert.deepEqual(
    before?.findings.map((finding) => finding.kind),
    ["card", "email"],
  );
  assert.equal(before?.blocked, false);
  assert.doesNotMatch(before?.redacted ?? "", /4111 1111/);
  await gateways[0]?.applyResource(
    { kind: "DataPolicy", name: "default", spec: { rules: [{ kind: "card", action: "block" }] } },
    await monitor("policy"),
  );
  await eventually(async () => (await gateways[1]?.classify({ text }, await monitor("policy")))?.blocked, {
    what: "the policy on the other replica",
  });
  assert.equal((await gateways[1]?.classify({ text }, await monitor("acme")))?.blocked, false);
});

test("bad input and foreign tenants are refused", async () => {
  const [gateway = assert.fail()] = gateways;
  await assert.rejects(gateway.appendAudit({ entries: [{ ...entry("acme", 0), id: "x" }] }), {
    field: "entries[0].id",
  });
  await assert.rejects(gateway.appendAudit({ entries: [{ ...entry("", 0) }] }), { field: "entries[0].tenant" });
  await assert.rejects(gateway.listAudit({ pageToken: "x" }, await monitor("acme")), { field: "page_token" });
  const listed = await gateway.listAudit({}, await monitor("nobody"));
  assert.equal(listed.entries.length, 0);
  const [foreign] = (await gateway.listAudit({}, await monitor("acme"))).entries;
  await assert.rejects(gateway.getAuditProof({ entryId: foreign?.id ?? "" }, await monitor("nobody")), {
    code: "NOT_FOUND",
  });
});
