import { describeError } from "@agentmesh/errors";
import { type Channel, createRawClient, openChannel, type RawClient, serve } from "@agentmesh/rpc";
import { type Foundation, openFoundation, type Running } from "@agentmesh/service";
import { loadA2a, registerA2a } from "./a2a/grpc.ts";
import { createFairQueue, type FairQueue } from "./admission/fair-queue.ts";
import { openTrail } from "./audit/trail.ts";
import { watchBudgetStates } from "./budget-states.ts";
import { openCallers } from "./callers/identify.ts";
import { type GatewayConfig, limitFiguresOf, peerNames, requestTimeoutOf, spoolDirOf } from "./config.ts";
import type { Context } from "./context.ts";
import { watchDataPolicies } from "./data-policies.ts";
import { loadDescriptors, methodsWithSecrets } from "./descriptors.ts";
import { openEdgeEvents } from "./events/publish.ts";
import { registerReflection } from "./grpc/reflection.ts";
import { cutSlowMessages } from "./grpc/slow-messages.ts";
import { registerMethods } from "./grpc/surface.ts";
import { localHandlers } from "./handlers/index.ts";
import { openHttp } from "./http/server.ts";
import { createLimiter } from "./limits/limiter.ts";
import { openMcpCalls } from "./mcp/calls.ts";
import { edgeMetrics } from "./metrics.ts";
import { openRedis } from "./redis.ts";
import { routedMethods } from "./routes.ts";
import { openStoredReplies } from "./stored-replies.ts";

// Of one connection: more than any client has under way, and too few to fill the memory with calls that never say a word.
const MAX_STREAMS = 1_024;

export type RunningGateway = Running & { readonly httpPort: number };

/** Starts the edge: gRPC, HTTP, and the one pipeline behind both. */
export async function startGateway(config: GatewayConfig, overrides: Partial<Context> = {}): Promise<RunningGateway> {
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await openFoundation(config, "gateway"));
  const channels = openChannels(config, base, stack);
  const context: Context = { ...(await openContext(config, base, channels, stack)), ...overrides };
  // They drain side by side, each with its whole time.
  const surfaces = stack.use(sideBySide());
  const grpc = surfaces.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [],
      trust: { workload: base.workload, tokens: base.tokens },
      log: base.log,
      metrics: base.metrics,
      maxStreams: MAX_STREAMS,
      interceptors: [cutSlowMessages(requestTimeoutOf(config))],
      register(server) {
        registerMethods(server, context);
        const a2a = loadA2a();
        registerA2a(server, a2a, context);
        registerReflection(server, [context.descriptors.registry, a2a]);
      },
    }),
  );
  const http = surfaces.use(await openHttp(context));
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  base.log.info({ grpcPort: grpc.port, httpPort: http.port, methods: routedMethods.length }, "the edge is open");
  const opened = stack.move();
  return {
    port: grpc.port,
    adminPort: base.admin.port,
    httpPort: http.port,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function sideBySide(): AsyncDisposable & { use<T extends AsyncDisposable>(opened: T): T } {
  const all: AsyncDisposable[] = [];
  return {
    use(opened) {
      all.push(opened);
      return opened;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

function openAdmission({ admission }: GatewayConfig, metrics: Foundation["metrics"]): FairQueue {
  const waiting = metrics.gauge("agentmesh_gateway_calls_waiting", "Calls that wait for a place");
  waiting.set(0);
  return createFairQueue({ ...admission, onWaiting: (count) => waiting.set(count) });
}

function openChannels(
  config: GatewayConfig,
  { metrics }: Foundation,
  stack: AsyncDisposableStack,
): ReadonlyMap<string, Channel> {
  return new Map(
    peerNames.options.map((target) => {
      const methods = routedMethods.filter((method) => method.service === target && method.idempotency !== "EFFECT");
      const channel = openChannel({
        address: config.peers[target],
        retryable: methods.map((method) => method.path),
        balance: { policy: "round_robin", ...config.balance[target], target, metrics },
      });
      return [target, stack.use(channel)];
    }),
  );
}

type Channels = ReadonlyMap<string, Channel>;

async function openContext(config: GatewayConfig, base: Foundation, channels: Channels, stack: AsyncDisposableStack) {
  const { log, metrics, bus, workload, tokens } = base;
  const channelTo = (service: keyof GatewayConfig["peers"]) =>
    channels.get(service) ?? openChannel({ address: config.peers[service] });
  const { redis } = stack.use(await openRedis(config.redis.url, log));
  const policies = stack.use(watchDataPolicies(bus));
  const budgets = stack.use(watchBudgetStates(bus));
  const descriptors = loadDescriptors();
  const paths = routedMethods.map((method) => method.path);
  const upstreams = [...channels].map(([service, address]): [string, RawClient] => [
    service,
    createRawClient({ address, workload }),
  ]);
  const trail = stack.use(
    await openTrail({
      compliance: channelTo("compliance"),
      workload,
      spoolDir: spoolDirOf(config),
      log,
      metrics,
    }).catch((cause) => {
      throw new Error(`the audit spool cannot be opened: ${describeError(cause)}; set AUDIT_SPOOL_DIR`, { cause });
    }),
  );
  await policies.loaded;
  return {
    config,
    figures: limitFiguresOf(config),
    log,
    metrics,
    edge: edgeMetrics(metrics),
    tokens,
    descriptors,
    secrets: methodsWithSecrets(descriptors, paths),
    callers: openCallers({ auth: channelTo("auth"), workload, tokens }),
    policies,
    budgets,
    limiter: stack.use(createLimiter({ redis, ...config.limits, log, metrics })),
    admission: openAdmission(config, metrics),
    replies: openStoredReplies(redis),
    mcpCalls: stack.use(openMcpCalls(redis, log)),
    trail,
    events: stack.use(openEdgeEvents(bus)),
    upstreams: new Map(upstreams),
    local: localHandlers,
    onExchange: () => undefined,
  };
}
