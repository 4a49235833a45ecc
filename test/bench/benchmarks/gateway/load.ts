import { Pool } from "undici";
import { quantile } from "../../harness/statistics.ts";

/** Calls one after the other, whose latency is measured. */
const ALONE = 1_000;
/** Calls with `AT_A_TIME` under way, whose rate and CPU are measured. */
const TOGETHER = 4_000;
const AT_A_TIME = 32;

const body = JSON.stringify({ model: "agent:desk", messages: [{ role: "user", content: "What does one call take?" }] });

export type Target = { readonly origin: string; readonly headers: Readonly<Record<string, string>> };
export type Caller = AsyncDisposable & { call(): Promise<void> };

export function callerOf({ origin, headers }: Target): Caller {
  const pool = new Pool(origin, { connections: AT_A_TIME });
  return {
    async call() {
      const reply = await pool.request({
        method: "POST",
        path: "/v1/chat/completions",
        headers: { "content-type": "application/json", ...headers },
        body,
      });
      const text = await reply.body.text();
      if (reply.statusCode !== 200) throw new Error(`${origin} answered ${reply.statusCode}: ${text.slice(0, 300)}`);
    },
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

export async function warmUp({ call }: Caller): Promise<void> {
  await together(call);
}

/** Microseconds, at half and at 99 of 100 calls. */
export async function latencyOf({ call }: Caller): Promise<{ p50: number; p99: number }> {
  const latencies: number[] = [];
  for (let at = 0; at < ALONE; at++) {
    const began = performance.now();
    await call();
    latencies.push((performance.now() - began) * 1000);
  }
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}

/** Calls a second, and the CPU of the process between per call. */
export async function rateOf({ call }: Caller, cpuMs: () => number): Promise<{ rps: number; cpuUs: number }> {
  const beforeMs = cpuMs();
  const began = performance.now();
  await together(call);
  const seconds = (performance.now() - began) / 1000;
  return { rps: TOGETHER / seconds, cpuUs: ((cpuMs() - beforeMs) * 1000) / TOGETHER };
}

async function together(call: () => Promise<void>): Promise<void> {
  let left = TOGETHER;
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      while (left-- > 0) await call();
    }),
  );
}
