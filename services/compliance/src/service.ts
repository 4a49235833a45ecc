import { busMigrations, consumeEvents, startRelay } from "@agentmesh/bus";
import { defaultPolicy } from "@agentmesh/inspect";
import { groupCommit, openDatabase } from "@agentmesh/postgres";
import { auditRecordedEvent, complianceContract } from "@agentmesh/proto/compliance.contract";
import { openResources, resourceMigrations, watchResources } from "@agentmesh/resources";
import { implement, serve } from "@agentmesh/rpc";
import { openFoundation, type Running } from "@agentmesh/service";
import { appendEntries } from "./append.ts";
import type { ComplianceConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { dataPolicySpec } from "./domain/data-policy.ts";
import { onAuditRecorded } from "./events/on-audit-recorded.ts";
import { handlers } from "./handlers/index.ts";
import { complianceMetrics } from "./metrics.ts";
import { openSigner } from "./open-signer.ts";
import { startSigning } from "./sign-checkpoints.ts";

const SHIPPED_POLICY = { policy: defaultPolicy, spec: dataPolicySpec.parse({ rules: [] }) };

// What is recorded is signed once a checkpoint: until then entries may wait for each other.
const GATHER_MS = 50;

export async function startCompliance(config: ComplianceConfig, overrides: Partial<Context> = {}): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await openFoundation(config, "compliance"));
  const db = stack.use(
    await openDatabase({
      ...config.postgres,
      schema: "compliance",
      migrations: [
        busMigrations,
        resourceMigrations,
        { name: "compliance", folder: new URL("../migrations/", import.meta.url) },
      ],
      log: base.log,
    }),
  );
  stack.use(startRelay(base.bus, db));
  const kinds = { DataPolicy: { schema: dataPolicySpec } };
  const resources = stack.use(await openResources({ service: "compliance", db, bus: base.bus, kinds }));
  const policies = stack.use(
    watchResources(base.bus, "DataPolicy", (value, { version }) => {
      const spec = dataPolicySpec.parse(value);
      return { spec, policy: { rules: spec.rules, version } };
    }),
  );
  const metrics = complianceMetrics(base.metrics);
  const context: Context = {
    log: base.log,
    db,
    bus: base.bus,
    metrics,
    signer: await openSigner(db, config.masterKeyFile),
    policyOf: (tenant) => policies.get(`${tenant}.default`)?.spec ?? SHIPPED_POLICY,
    append: groupCommit({
      name: "audit appends",
      async commit(groups) {
        await db.transaction((tx) => appendEntries({ metrics }, tx, groups.flat()));
        return groups.map((entries) => entries.length);
      },
    }),
    ...overrides,
  };
  stack.use(
    consumeEvents(base.bus, db, {
      event: auditRecordedEvent,
      maxBatch: 500,
      gatherMs: GATHER_MS,
      handle: (tx, events) => onAuditRecorded(context, tx, events),
    }),
  );
  stack.use(startSigning(context, config.audit.checkpointMs));
  const server = stack.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [implement(complianceContract, handlers(context, resources))],
      trust: base,
      log: base.log,
      metrics: base.metrics,
    }),
  );
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
