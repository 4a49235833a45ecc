import { eventually, type TestCallers, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import type { CacheKey, LookupReply, LookupRequest } from "@agentmesh/proto/cache";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import type { Client, DeepPartial } from "@agentmesh/rpc";
import type { Running } from "@agentmesh/service";
import type { Context } from "../src/context.ts";
import { startCache } from "../src/service.ts";

export type CacheClient = Client<typeof cacheContract>;

/** Replicas on one Redis and one NATS, called as agent-runner. */
export type Fleet = {
  readonly environment: TestEnvironment;
  readonly callers: TestCallers;
  readonly replicas: readonly Running[];
  readonly clients: readonly [CacheClient, ...CacheClient[]];
  start(more?: object, overrides?: Partial<Context>): Promise<{ running: Running; client: CacheClient }>;
};

/** Everything is opened on the stack, which the test disposes. */
export async function startFleet(
  stack: AsyncDisposableStack,
  count: number,
  settings: object = {},
  overrides: Partial<Context> = {},
): Promise<Fleet> {
  const environment = stack.use(await testEnvironment("cache", { postgres: false }));
  const callers = stack.use(await testCallers(environment));
  async function start(more: object = {}, changed: Partial<Context> = {}) {
    const running = stack.use(await startCache({ ...settingsIn(environment), ...settings, ...more }, changed));
    const client = await callers.client(cacheContract, running.port, "agent-runner");
    const token = await callers.token();
    await eventually(() => client.lookup({ key: keyOf("warm up") }, { token }).then(() => true), { what: "keys" });
    return { running, client };
  }
  const first = await start({}, overrides);
  const others = await Promise.all(Array.from({ length: count - 1 }, () => start({}, overrides)));
  return {
    environment,
    callers,
    replicas: [first, ...others].map(({ running }) => running),
    clients: [first.client, ...others.map(({ client }) => client)],
    start,
  };
}

function settingsIn(environment: TestEnvironment) {
  return {
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    nats: { url: environment.natsUrl },
    workload: { keyFile: environment.workloadKeyFile, trustFile: environment.workloadTrustFile },
    log: { level: "error" as const },
    tracing: {},
    // The machine of a test may be busy for longer than a real one may.
    redis: { url: environment.redisUrl, timeoutMs: 500 },
  };
}

export function keyOf(question: string, more: Partial<CacheKey> = {}): CacheKey {
  return {
    namespace: "",
    agent: "drafter",
    agentVersion: 1,
    model: "embedded/lexical-1",
    policyHash: "a".repeat(64),
    input: JSON.stringify([{ user: question }]),
    ...more,
  };
}

export type Asking = { readonly token: string; readonly more?: Partial<CacheKey>; readonly threshold?: number };

/** Looks a question up, other wordings of it too. */
export function ask(
  client: CacheClient,
  question: string,
  { token, more, threshold = 0 }: Asking,
): Promise<LookupReply> {
  return client.lookup({ key: keyOf(question, more), semantic: { threshold } }, { token });
}

/** Looks a question up exactly, and answers it: as a run does whose model was called. */
export async function answer(
  client: CacheClient,
  question: string,
  text: string,
  { token, more, threshold = 0 }: Asking,
  given: { tags?: string[]; ttlS?: number; costNanoUsd?: bigint } = {},
): Promise<void> {
  const key = keyOf(question, more);
  const { epoch } = await client.lookup({ key }, { token });
  const value = Buffer.from(JSON.stringify({ text }));
  const { tags = [], ttlS = 60, costNanoUsd = 1_000n } = given;
  await client.store({ key, value, ttlS, tags, costNanoUsd, epoch, semantic: { threshold } }, { token });
}

export function textOf(reply: LookupReply): string {
  return reply.hit ? JSON.parse(Buffer.from(reply.value).toString()).text : "";
}

export type Lookup = DeepPartial<LookupRequest>;
