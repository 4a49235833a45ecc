import { Pool } from "undici";
import type { Subject } from "../../harness/benchmark.ts";
import { inFlight } from "../../harness/in-flight.ts";
import { countCalls } from "./count-calls.ts";
import { batchOf, concurrency, inputs, instructions, upstreamMs } from "./load.ts";

/** A loop over undici with as many in flight: it asks whatever it is given, as such loops do. */
export function limitSubject(upstreamUrl: string): Subject {
  return {
    name: "limit",
    what:
      `undici alone, ${concurrency} in flight: asks each input as it comes and keeps nothing; ` +
      `with an upstream of ${upstreamMs} ms no loop does more than ${(concurrency * 1000) / upstreamMs}/s`,
    async measure(repeat) {
      const questions = batchOf(repeat);
      const pool = new Pool(new URL(upstreamUrl).origin, { connections: concurrency });
      const began = performance.now();
      const calls = await countCalls(upstreamUrl, () =>
        inFlight(inputs, concurrency, (index) => ask(pool, questions[index] ?? "")),
      );
      const perS = (inputs * 1000) / (performance.now() - began);
      await pool.close();
      return {
        figures: [
          { metric: "items_per_s", unit: "1/s", value: perS },
          { metric: "distinct_items_per_s", unit: "1/s", value: perS },
          { metric: "upstream_calls", unit: "calls", value: calls },
        ],
      };
    },
  };
}

async function ask(pool: Pool, text: string): Promise<void> {
  const messages = [
    { role: "system", content: instructions },
    { role: "user", content: text },
  ];
  const { statusCode, body } = await pool.request({
    method: "POST",
    path: "/v1/chat/completions",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "canned", messages }),
  });
  await body.json();
  if (statusCode !== 200) throw new Error(`the upstream answered ${statusCode}`);
}
