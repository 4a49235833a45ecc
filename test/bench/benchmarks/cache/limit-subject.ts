import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client, credentials } from "@grpc/grpc-js";
import { Redis } from "ioredis";
import type { Subject } from "../../harness/benchmark.ts";
import { quantile } from "../../harness/statistics.ts";
import { answerBytes, l2Lookups, warmUpLookups } from "./load.ts";
import { measureBareLru } from "./measure-l1.ts";
import { measureRecall } from "./measure-recall.ts";

const script = fileURLToPath(new URL("./serve-redis.ts", import.meta.url));

/** What the parts cost that the cache stands on: a bare lru-cache, bare grpc-js in front of Redis, exact plain search. */
export async function openLimitSubject(redisUrl: string): Promise<Subject & AsyncDisposable> {
  const child = spawn(process.execPath, [script, redisUrl], { stdio: ["ignore", "pipe", "inherit"] });
  const client = new Client(`127.0.0.1:${await readPort(child)}`, credentials.createInsecure());
  return {
    name: "limit",
    what:
      "l1_us: lru-cache alone; l2_p50_us: grpc-js with a Redis GET behind it; semantic_p50_ms: exact search over " +
      "10 000 × 384 floats in plain JavaScript, without embedding, comparing or gRPC",
    async measure(repeat) {
      const redis = new Redis(redisUrl);
      await redis.set("bench:limit", Buffer.alloc(answerBytes));
      redis.disconnect();
      const latencies: number[] = [];
      for (let at = 0; at < warmUpLookups; at++) await get(client, "bench:limit");
      for (let at = 0; at < l2Lookups; at++) {
        const began = performance.now();
        await get(client, "bench:limit");
        latencies.push((performance.now() - began) * 1000);
      }
      return {
        figures: [
          { metric: "l1_us", unit: "us", value: measureBareLru() },
          { metric: "l2_p50_us", unit: "us", value: quantile(latencies, 0.5) },
          { metric: "semantic_p50_ms", unit: "ms", value: measureRecall(repeat).floatMs },
        ],
      };
    },
    async [Symbol.asyncDispose]() {
      client.close();
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

function get(client: Client, key: string): Promise<Buffer> {
  const identity = (bytes: Buffer) => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest("/bench.Redis/Get", identity, identity, Buffer.from(key), (error, value) =>
      error ? reject(error) : resolve(value ?? Buffer.alloc(0)),
    );
  });
}

async function readPort(child: ChildProcess): Promise<number> {
  if (!child.stdout) throw new Error("the bare gRPC server has no standard output");
  for await (const line of createInterface({ input: child.stdout })) return Number(line);
  throw new Error("the bare gRPC server ended before it listened");
}
