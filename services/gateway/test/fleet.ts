// The services behind the edge: each on its own port, with the real contract and the real checks at its door, and
// with handlers that answer at once. What the edge sends them is what these tests look at.

import { type Bus, connectBus, publishSnapshots } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import type { TestCallers, TestEnvironment } from "@agentmesh/harness";
import { createTokenVerifier, loadWorkloadIdentity } from "@agentmesh/identity";
import { alertingContract } from "@agentmesh/proto/alerting.contract";
import type { ExchangeTokenRequest } from "@agentmesh/proto/auth";
import { authContract } from "@agentmesh/proto/auth.contract";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import type { AppendAuditRequest, AuditEntry } from "@agentmesh/proto/compliance";
import { complianceContract } from "@agentmesh/proto/compliance.contract";
import { costContract } from "@agentmesh/proto/cost.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { type Call, type Contract, type Implementation, type Server, serve } from "@agentmesh/rpc";
import { createLogger, createMetrics } from "@agentmesh/telemetry";

type Handler = (request: never, call: Call) => Promise<unknown> | AsyncIterable<unknown>;

export type Fleet = AsyncDisposable & {
  readonly peers: Readonly<Record<PeerName, string>>;
  readonly bus: Bus;
  readonly audited: AuditEntry[];
  readonly calls: { readonly path: string; readonly call: Call; readonly request: unknown }[];
  /** Replaces the handler of a path. */
  on(path: string, handler: Handler): void;
  /** What auth answers a credential with; a missing one is refused. */
  readonly credentials: Map<string, { permissions: string[]; tenant?: string; subject?: string; department?: string }>;
  exchanges: number;
  stop(service: PeerName): Promise<void>;
  start(service: PeerName): Promise<void>;
};

const contracts = {
  auth: authContract,
  "agent-runner": runnerContract,
  cache: cacheContract,
  orchestrator: orchestratorContract,
  compliance: complianceContract,
  cost: costContract,
  alerting: alertingContract,
} as const;
export type PeerName = keyof typeof contracts;
const peerNames = Object.keys(contracts) as PeerName[];

export async function startFleet(environment: TestEnvironment, callers: TestCallers): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const log = createLogger({ service: "fleet", environment: "test", version: "0", level: "error" });
  const metrics = createMetrics({});
  const bus = stack.use(await connectBus({ url: environment.natsUrl, service: "compliance", log, metrics }));
  stack.use(await publishSnapshots(bus, "resource_datapolicy", async () => []));
  const keys = (await (await bus.snapshots()).get("jwks.current"))?.json<{ value: { keys: [] } }>().value;
  const tokens = createTokenVerifier({ jwks: () => keys, audiences: ["mesh"] });
  const overrides = new Map<string, Handler>();
  const servers = new Map<PeerName, Server>();
  const ports = new Map<PeerName, number>();
  const state = { audited: [] as AuditEntry[], calls: [] as Fleet["calls"], exchanges: 0 };
  const credentials: Fleet["credentials"] = new Map();

  function implementation(contract: Contract): Implementation {
    const handlers = Object.entries(contract.methods).map(([name, method]): [string, Handler] => [
      name,
      (request, call) => {
        state.calls.push({ path: method.path, call, request });
        const handler = overrides.get(method.path);
        if (handler) return handler(request, call);
        return method.serverStreaming ? twoFrames() : Promise.resolve({});
      },
    ]);
    return { contract, handlers: Object.fromEntries(handlers) };
  }

  async function start(name: PeerName): Promise<void> {
    const workload = await loadWorkloadIdentity(environment.keyFileOf(name), environment.workloadTrustFile);
    const server = await serve({
      host: "127.0.0.1",
      port: ports.get(name) ?? 0,
      trust: { workload, tokens },
      log,
      metrics,
      implementations: [implementation(contracts[name])],
    });
    servers.set(name, server);
    ports.set(name, server.port);
  }
  async function stop(name: PeerName): Promise<void> {
    await servers.get(name)?.[Symbol.asyncDispose]();
    servers.delete(name);
  }

  overrides.set(authContract.methods.exchangeToken.path, async ({ credential }: ExchangeTokenRequest) => {
    state.exchanges += 1;
    const value = typeof credential?.value === "string" ? credential.value : "";
    const user = credentials.get(value);
    if (!user) throw new AppError("UNAUTHENTICATED", "the token is not known", { reason: "BAD_TOKEN" });
    return { token: await callers.token(user), expiresAt: new Date(Date.now() + 300_000) };
  });
  overrides.set(complianceContract.methods.appendAudit.path, async ({ entries }: AppendAuditRequest) => {
    state.audited.push(...entries);
    return { appended: entries.length };
  });
  await Promise.all(peerNames.map(start));
  stack.defer(async () => void (await Promise.all(peerNames.map(stop))));
  const peers = Object.fromEntries(peerNames.map((name) => [name, `127.0.0.1:${ports.get(name)}`]));
  const opened = stack.move();
  return {
    peers: peers as Fleet["peers"],
    bus,
    audited: state.audited,
    calls: state.calls,
    credentials,
    on: (path, handler) => overrides.set(path, handler),
    get exchanges() {
      return state.exchanges;
    },
    start,
    stop,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function* twoFrames() {
  yield { seq: 1, type: "run.started" };
  yield { seq: 2, type: "run.succeeded" };
}
