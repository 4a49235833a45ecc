import { startCache } from "@agentmesh/cache";
import { eventually, testCallers, testEnvironment } from "@agentmesh/harness";
import type { CacheKey, LookupReply } from "@agentmesh/proto/cache";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import type { Client } from "@agentmesh/rpc";

/** The real cache on a real Redis and NATS, asked over gRPC as agent-runner asks it. */
export type CacheUnderTest = {
  /** A client that speaks for a tenant. */
  readonly client: Client<typeof cacheContract>;
  token(tenant: string): Promise<string>;
};

/** Everything is opened on the stack, which the test disposes. */
export async function openCache(stack: AsyncDisposableStack): Promise<CacheUnderTest> {
  const environment = stack.use(await testEnvironment("cache", { postgres: false }));
  const callers = stack.use(await testCallers(environment));
  const running = stack.use(
    await startCache({
      listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
      nats: { url: environment.natsUrl },
      workload: { keyFile: environment.workloadKeyFile, trustFile: environment.workloadTrustFile },
      log: { level: "error" },
      tracing: {},
      redis: { url: environment.redisUrl, timeoutMs: 1_000 },
      // A hit that is answered anew on purpose would be counted as none.
      semantic: { exploreShare: 0 },
    }),
  );
  const client = await callers.client(cacheContract, running.port, "agent-runner");
  // An internal token lives for minutes; the long run takes longer.
  const token = (tenant: string) => callers.token({ tenant, ttlS: 7_200 });
  const first = await token("first");
  await eventually(() => client.lookup({ key: keyOf("warm up", "a") }, { token: first }).then(() => true), {
    what: "the signing keys",
  });
  return { client, token };
}

export function keyOf(question: string, agent: string, more: Partial<CacheKey> = {}): CacheKey {
  const input = JSON.stringify([{ user: question }]);
  return { namespace: "", agent, agentVersion: 1, model: "m", policyHash: "a".repeat(64), input, ...more };
}

export type Asked = { readonly question: string; readonly agent: string };

const BATCH = 200;

/** Answers questions, each with the text that `answerOf` gives. */
export async function storeAll(
  { client }: CacheUnderTest,
  token: string,
  asked: readonly Asked[],
  answerOf: (asked: Asked) => string,
): Promise<void> {
  for (const part of parts(asked)) {
    const lookups = part.map(({ question, agent }) => ({ key: keyOf(question, agent) }));
    const { replies } = await client.lookupMany({ lookups }, { token });
    const stores = part.map((one, index) => ({
      key: keyOf(one.question, one.agent),
      epoch: replies[index]?.epoch ?? "",
      value: Buffer.from(answerOf(one)),
      ttlS: 7_200,
      costNanoUsd: 1n,
      semantic: { threshold: 0 },
    }));
    await client.storeMany({ stores }, { token });
  }
}

/** The answers in the order asked; undefined: a miss. */
export async function lookUpAll(
  { client }: CacheUnderTest,
  token: string,
  asked: readonly Asked[],
): Promise<(string | undefined)[]> {
  const answers: (string | undefined)[] = [];
  for (const part of parts(asked)) {
    const lookups = part.map(({ question, agent }) => ({ key: keyOf(question, agent), semantic: { threshold: 0 } }));
    const { replies } = await client.lookupMany({ lookups }, { token });
    answers.push(...replies.map(textOf));
  }
  return answers;
}

function textOf(reply: LookupReply): string | undefined {
  return reply.hit ? Buffer.from(reply.value).toString() : undefined;
}

function parts<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / BATCH) }, (_, index) =>
    all.slice(index * BATCH, (index + 1) * BATCH),
  );
}
