// One gateway in front of a fleet, with the clients that the tests use.
import { join } from "node:path";
import { type TestCallers, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import { catalogMethods } from "@agentmesh/proto/catalog";
import { type Channel, createRawClient, openChannel, type RawClient } from "@agentmesh/rpc";
import type { GatewayConfig } from "../src/config.ts";
import type { Context } from "../src/context.ts";
import type { Exchange } from "../src/pipeline/exchange.ts";
import { type RunningGateway, startGateway } from "../src/service.ts";
import { type Fleet, startFleet } from "./fleet.ts";

export type TestEdge = AsyncDisposable & {
  readonly environment: TestEnvironment;
  readonly callers: TestCallers;
  readonly fleet: Fleet;
  readonly gateway: RunningGateway;
  readonly exchanges: Exchange[];
  readonly raw: RawClient;
  readonly channel: Channel;
  /** Another replica of the gateway. */
  another(changes?: Partial<GatewayConfig>, overrides?: Partial<Context>): Promise<RunningGateway>;
  http(path: string, init?: RequestInit): Promise<{ status: number; headers: Headers; body: never; text: string }>;
};

export const everything = [...new Set(catalogMethods.map((method) => method.permission))];

export async function startEdge(changes: Partial<GatewayConfig> = {}): Promise<TestEdge> {
  await using stack = new AsyncDisposableStack();
  const environment = stack.use(await testEnvironment("gateway", { postgres: false }));
  const callers = stack.use(await testCallers(environment));
  const fleet = stack.use(await startFleet(environment, callers));
  fleet.credentials.set("admin", { permissions: everything });
  const exchanges: Exchange[] = [];
  const another = async (more: Partial<GatewayConfig> = {}, overrides: Partial<Context> = {}) => {
    const config = { ...configOf(environment, fleet), ...changes, ...more };
    return await startGateway(config, { onExchange: (exchange) => exchanges.push(exchange), ...overrides });
  };
  const gateway = stack.use(await another());
  const channel = stack.use(openChannel({ address: `127.0.0.1:${gateway.port}` }));
  const opened = stack.move();
  return {
    environment,
    callers,
    fleet,
    gateway,
    exchanges,
    channel,
    another,
    raw: createRawClient({ address: channel }),
    http: (path, init) => request(`http://127.0.0.1:${gateway.httpPort}${path}`, init),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function request(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, headers: response.headers, text, body: (isJson ? JSON.parse(text) : {}) as never };
}

export function asAdmin(more: Record<string, string> = {}): Record<string, string> {
  return { authorization: "Bearer admin", ...more };
}

function configOf(environment: TestEnvironment, fleet: Fleet): GatewayConfig {
  return {
    environment: "test",
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    http: { port: 0 },
    nats: { url: environment.natsUrl },
    workload: { keyFile: environment.workloadKeyFile, trustFile: environment.workloadTrustFile },
    log: { level: "error" },
    tracing: { otlpEndpoint: "" },
    redis: { url: environment.redisUrl },
    peers: fleet.peers,
    balance: {},
    admission: { places: 1_024, queue: 2_048, waitMs: 2_000 },
    audit: { spoolDir: join(environment.dir, "spool") },
    limits: {
      profile: "production",
      window: "sliding",
      windowMs: 3_600_000,
      leaseShare: 0.05,
      profiles: { production: { user: 100_000, department: 1_000_000, tenant: 1_000_000, address: 100_000 } },
    },
  };
}
