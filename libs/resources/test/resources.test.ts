import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { busMigrations, connectBus, startRelay } from "@agentmesh/bus";
import { eventually, type TestCallers, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import { createTokenVerifier, loadWorkloadIdentity } from "@agentmesh/identity";
import { openDatabase } from "@agentmesh/postgres";
import { costContract } from "@agentmesh/proto/cost.contract";
import { implement, serve } from "@agentmesh/rpc";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { z } from "zod";
import { openResources, resourceMigrations, watchResources } from "../src/index.ts";

// A server with the resource handlers of the cost contract, on real PostgreSQL and NATS, called over real gRPC.
const budget = z.strictObject({ scope: z.string(), monthlyUsd: z.number().positive() });

let stack: AsyncDisposableStack;
let environment: TestEnvironment;
let callers: TestCallers;
let port: number;
let watched: ReturnType<typeof watchResources<z.infer<typeof budget>>>;

before(async () => {
  stack = new AsyncDisposableStack();
  environment = stack.use(await testEnvironment("cost", { redis: false }));
  callers = stack.use(await testCallers(environment));
  const log = createLogger({ service: "cost", environment: "test", version: "0", level: "error" });
  const metrics = createMetrics({});
  const db = stack.use(
    await openDatabase({
      url: environment.postgresUrl,
      schema: "cost",
      migrations: [busMigrations, resourceMigrations],
      log,
    }),
  );
  const bus = stack.use(await connectBus({ url: environment.natsUrl, service: "cost", log, metrics }));
  stack.use(startRelay(bus, db));
  const resources = stack.use(await openResources({ service: "cost", db, bus, kinds: { Budget: { schema: budget } } }));
  watched = stack.use(watchResources(bus, "Budget", (spec) => budget.parse(spec)));
  const workload = await loadWorkloadIdentity(environment.workloadKeyFile, environment.workloadTrustFile);
  const jwks = await (await bus.snapshots()).get("jwks.current");
  const keys = jwks?.json<{ value: { keys: [] } }>().value;
  const tokens = createTokenVerifier({ jwks: () => keys, audiences: ["cost", "mesh"] });
  const server = stack.use(
    await serve({
      host: "127.0.0.1",
      port: 0,
      trust: { workload, tokens },
      log,
      metrics,
      implementations: [implement({ ...costContract, methods: resourceMethods() }, resources)],
    }),
  );
  port = server.port;
});

after(() => stack.disposeAsync());

function resourceMethods() {
  const { applyResource, getResource, listResources, deleteResource } = costContract.methods;
  return { applyResource, getResource, listResources, deleteResource };
}

const admin = { permissions: ["system:config", "system:monitor"] };

test("apply creates, keeps, changes; versions grow; the snapshot follows; delete is seen and idempotent", async () => {
  const client = await callers.client(costContract, port);
  const token = await callers.token(admin);
  const spec = { scope: "total", monthlyUsd: 50_000 };
  const created = await client.applyResource({ kind: "Budget", name: "all", spec }, { token });
  assert.equal(created.outcome, "OUTCOME_CREATED");
  assert.equal(created.resource?.version, 1);
  assert.equal(created.resource?.appliedBy, "user:test");
  assert.equal(
    (await client.applyResource({ kind: "Budget", name: "all", spec }, { token })).outcome,
    "OUTCOME_UNCHANGED",
  );
  const dry = await client.applyResource(
    { kind: "Budget", name: "all", spec: { ...spec, monthlyUsd: 1 }, dryRun: true },
    { token },
  );
  assert.equal(dry.outcome, "OUTCOME_CHANGED");
  const changed = await client.applyResource(
    { kind: "Budget", name: "all", spec: { ...spec, monthlyUsd: 2 } },
    { token },
  );
  assert.equal(changed.resource?.version, 2);
  assert.equal(
    (await client.getResource({ kind: "Budget", name: "all", version: 1 }, { token })).spec?.monthlyUsd,
    50_000,
  );
  await eventually(() => watched.get("acme.all")?.spec.monthlyUsd === 2, { what: "version 2 in the snapshot" });
  assert.equal((await client.deleteResource({ kind: "Budget", name: "all" }, { token })).deleted, true);
  assert.equal((await client.deleteResource({ kind: "Budget", name: "all" }, { token })).deleted, false);
  await eventually(() => watched.get("acme.all") === undefined, { what: "the deleted budget to leave the snapshot" });
  await assert.rejects(client.getResource({ kind: "Budget", name: "all" }, { token }), { code: "NOT_FOUND" });
});

test("twenty replicas' worth of concurrent applies leave one version each change", async () => {
  const client = await callers.client(costContract, port);
  const token = await callers.token(admin);
  const replies = await Promise.all(
    Array.from({ length: 20 }, () =>
      client.applyResource({ kind: "Budget", name: "race", spec: { scope: "total", monthlyUsd: 5 } }, { token }),
    ),
  );
  assert.equal(replies.filter((reply) => reply.outcome === "OUTCOME_CREATED").length, 1);
  assert.ok(replies.every((reply) => reply.resource?.version === 1));
});

test("bad specs, kinds, names, tokens, tenants and workloads are refused, each saying why", async () => {
  const client = await callers.client(costContract, port);
  const token = await callers.token(admin);
  const apply = (name: string, spec: object, kind = "Budget") => client.applyResource({ kind, name, spec }, { token });
  await assert.rejects(apply("x", { scope: "total", monthlyUsd: -1, extra: 1 }), (error: Error & { code: string }) => {
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.match(error.message, /Budget\/x is not valid: .*monthlyUsd.*\(got -1\).*unknown field "extra"/);
    return true;
  });
  await assert.rejects(apply("Bad Name", { scope: "total", monthlyUsd: 1 }), { reason: "BAD_NAME", field: "name" });
  await assert.rejects(apply("x", {}, "__proto__"), { reason: "UNKNOWN_KIND" });
  const get = { kind: "Budget", name: "race" };
  await assert.rejects(client.getResource(get, {}), { code: "UNAUTHENTICATED", reason: "NO_TOKEN" });
  await assert.rejects(client.getResource(get, { token: "a.b.c" }), { reason: "BAD_TOKEN" });
  await assert.rejects(client.getResource(get, { token: await callers.token({ ttlS: -60 }) }), {
    reason: "TOKEN_EXPIRED",
  });
  await assert.rejects(client.getResource(get, { token: await callers.token({ ...admin, audience: "auth" }) }), {
    reason: "BAD_TOKEN",
  });
  await assert.rejects(client.getResource(get, { token: await callers.token() }), { reason: "MISSING_PERMISSION" });
  const foreign = await callers.token({ ...admin, tenant: "other" });
  await assert.rejects(client.getResource(get, { token: foreign }), { code: "NOT_FOUND" });
  const runner = await callers.client(costContract, port, "agent-runner");
  await assert.rejects(runner.getResource(get, { token }), { reason: "WORKLOAD_NOT_ALLOWED" });
});
