// A process of its own: one replica's limiter. It takes an order a line, asks for as many requests, and says how many passed.
import { createInterface } from "node:readline";
import { createLimiter } from "@agentmesh/gateway/limiter";
import { openRedis } from "@agentmesh/gateway/redis";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { quantile } from "../../harness/statistics.ts";

/** As many as the gateway's benchmark has under way. */
const AT_A_TIME = 32;
const WINDOW_MS = 3_600_000;
/** Above what is asked for, so that one scope alone decides. */
const AMPLE = 1_000_000;

const [, , redisUrl = ""] = process.argv;
const log = createLogger({ service: "bench", environment: "bench", version: "0", level: "error" });
await using connection = await openRedis(redisUrl, log);
await using limiter = createLimiter({
  redis: connection.redis,
  windowMs: WINDOW_MS,
  window: "sliding",
  leaseShare: 0.05,
  log,
  metrics: createMetrics({}),
});

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await take(JSON.parse(line)))}\n`);
}

type Order = { readonly run: string; readonly checks: number; readonly limit: number };

async function take({ run, checks, limit }: Order): Promise<{ allowed: number; p50Us: number }> {
  const scopes = [
    { name: "user", key: `limit:{${run}}:user`, limit: AMPLE },
    { name: "department", key: `limit:{${run}}:department`, limit },
    { name: "tenant", key: `limit:{${run}}:tenant`, limit: AMPLE },
  ];
  const tookUs: number[] = [];
  let left = checks;
  let allowed = 0;
  async function lane(): Promise<void> {
    while (left-- > 0) {
      const began = performance.now();
      const state = await limiter.take(scopes);
      tookUs.push((performance.now() - began) * 1000);
      if (state.allowed) allowed += 1;
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  return { allowed, p50Us: quantile(tookUs, 0.5) };
}
