import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { busMigrations, connectBus, consumeEvents, emit, startRelay } from "@agentmesh/bus";
import { eventually, type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { createTokenVerifier, loadWorkloadIdentity } from "@agentmesh/identity";
import { openDatabase } from "@agentmesh/postgres";
import { budgetThresholdCrossedEvent, costContract } from "@agentmesh/proto/cost.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { createClient, implement, serve } from "@agentmesh/rpc";
import { createLogger, createMetrics, currentTraceparent, inSpan, startTracing } from "@agentmesh/telemetry";
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace";

const CLIENT = 2;
const SERVER = 1;
const CONSUMER = 4;
const ERROR = 2;

const exporter = new InMemorySpanExporter();
let stack: AsyncDisposableStack;
let environment: TestEnvironment;

before(async () => {
  stack = new AsyncDisposableStack();
  const processors = [new SimpleSpanProcessor({ exporter })];
  stack.use(await startTracing({ service: "test", environment: "test", version: "0", processors }));
  environment = stack.use(await testEnvironment("cost", { redis: false }));
});
after(() => stack.disposeAsync());

function span(name: string, kind: number, of: string): ReadableSpan {
  const found = exporter.getFinishedSpans().filter((each) => each.name === name && each.kind === kind);
  const mine = found.filter((each) => each.spanContext().traceId === of);
  assert.equal(mine.length, 1, `${mine.length} spans ${name} of kind ${kind} in the trace`);
  return mine[0] ?? assert.fail();
}

test("one trace crosses a call, the outbox, NATS and the consumer, each hop the child of the one before", async () => {
  await using own = new AsyncDisposableStack();
  const log = createLogger({ service: "cost", environment: "test", version: "0", level: "fatal" });
  const metrics = createMetrics({});
  const db = own.use(
    await openDatabase({ url: environment.postgresUrl, schema: "cost", migrations: [busMigrations], log }),
  );
  const bus = own.use(await connectBus({ url: environment.natsUrl, service: "cost", log, metrics }));
  own.use(startRelay(bus, db));
  const seen: { carried: string | undefined; current: string | undefined }[] = [];
  own.use(
    consumeEvents(bus, db, {
      event: budgetThresholdCrossedEvent,
      async handle(_tx, events) {
        for (const event of events) seen.push({ carried: event.traceparent, current: currentTraceparent() });
      },
    }),
  );
  const { settle, hold } = costContract.methods;
  const identityOf = (name: string) => loadWorkloadIdentity(environment.keyFileOf(name), environment.workloadTrustFile);
  const server = own.use(
    await serve({
      host: "127.0.0.1",
      port: 0,
      trust: {
        workload: await identityOf("cost"),
        tokens: createTokenVerifier({ jwks: () => undefined, audiences: ["cost"] }),
      },
      log,
      metrics,
      implementations: [
        implement(
          { ...costContract, methods: { settle, hold } },
          {
            async settle() {
              await db.transaction((tx) => emit(tx, budgetThresholdCrossedEvent, { tenant: "acme", data: crossed }));
              return {};
            },
            hold: () => Promise.reject(new Error("a defect")),
          },
        ),
      ],
    }),
  );
  const client = own.use(
    createClient(costContract, { address: `127.0.0.1:${server.port}`, workload: await identityOf("agent-runner") }),
  );

  const root = await inSpan("root", {}, async (opened) => {
    await client.settle({});
    await assert.rejects(client.hold({}), { code: "INTERNAL" });
    return opened.spanContext();
  });
  const calling = span(settle.path, CLIENT, root.traceId);
  const serving = span(settle.path, SERVER, root.traceId);
  const consuming = await eventually(
    () => span(`consume ${budgetThresholdCrossedEvent.type}`, CONSUMER, root.traceId),
    { what: "the consumer's span to end" },
  );
  assert.deepEqual(
    [calling, serving, consuming].map((each) => each.parentSpanContext?.spanId),
    [root.spanId, calling.spanContext().spanId, serving.spanContext().spanId],
  );
  assert.deepEqual([serving.parentSpanContext?.isRemote, consuming.parentSpanContext?.isRemote], [true, true]);
  const traceparent = (each: ReadableSpan) => `00-${root.traceId}-${each.spanContext().spanId}-01`;
  assert.deepEqual(seen, [{ carried: traceparent(serving), current: traceparent(consuming) }]);
  for (const kind of [CLIENT, SERVER]) assert.equal(span(hold.path, kind, root.traceId).status.code, ERROR);
});

const crossed = budgetThresholdCrossedEvent.message.fromPartial({ budget: "all" });

test("a stream's span ends with the stream, also when its reader stops early", async () => {
  await using own = new AsyncDisposableStack();
  const { watchRun } = orchestratorContract.methods;
  const identityOf = (name: string) => loadWorkloadIdentity(environment.keyFileOf(name), environment.workloadTrustFile);
  const contract = {
    service: "orchestrator",
    rpcService: "x",
    methods: { watchRun: { ...watchRun, access: "INTERNAL", callers: ["gateway"] } },
  } as const;
  const server = own.use(
    await serve({
      host: "127.0.0.1",
      port: 0,
      trust: {
        workload: await identityOf("cost"),
        tokens: createTokenVerifier({ jwks: () => undefined, audiences: ["cost"] }),
      },
      log: createLogger({ service: "cost", environment: "test", version: "0", level: "fatal" }),
      metrics: createMetrics({}),
      implementations: [
        implement(contract, {
          async *watchRun() {
            for (;;) yield {};
          },
        }),
      ],
    }),
  );
  const client = own.use(
    createClient(contract, { address: `127.0.0.1:${server.port}`, workload: await identityOf("gateway") }),
  );
  const root = await inSpan("reader", {}, async (opened) => {
    for await (const _ of client.watchRun({})) break;
    return opened.spanContext();
  });
  const calling = span(watchRun.path, CLIENT, root.traceId);
  assert.equal(calling.parentSpanContext?.spanId, root.spanId);
  await eventually(() => span(watchRun.path, SERVER, root.traceId), { what: "the server's span to end" });
});
