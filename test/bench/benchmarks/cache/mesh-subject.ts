import { setTimeout as wait } from "node:timers/promises";
import type { CacheKey, LookupReply } from "@agentmesh/proto/cache";
import type { Subject } from "../../harness/benchmark.ts";
import { quantile } from "../../harness/statistics.ts";
import {
  answerBytes,
  batch,
  equalMisses,
  fillRounds,
  l2Lookups,
  semanticLookups,
  upstreamMs,
  warmUpLookups,
} from "./load.ts";
import { measureL1 } from "./measure-l1.ts";
import { measureRecall } from "./measure-recall.ts";
import type { CacheClient, Caches } from "./open-caches.ts";
import { questions, reworded } from "./questions.ts";

const value = Buffer.from(JSON.stringify({ text: "x".repeat(answerBytes) }));

export function meshSubject(caches: Caches): Subject {
  return {
    name: "agentmesh",
    what:
      "l1_us: a get in process; the others over gRPC with tokens verified, two replicas as processes: l2_p50_us " +
      `answered by Redis; semantic_p50_ms another wording among ${questions.length} questions of one partition; ` +
      `upstream_calls of ${equalMisses} equal misses; semantic_recall of exact search, top 5`,
    async measure(repeat) {
      const l2 = await lookUpFar(caches, repeat);
      const { latencies, hits } = await lookUpAlike(caches, repeat);
      const { recall, indexMs } = measureRecall(repeat);
      return {
        figures: [
          { metric: "l1_us", unit: "us", value: measureL1() },
          { metric: "l2_p50_us", unit: "us", value: quantile(l2, 0.5) },
          { metric: "semantic_p50_ms", unit: "ms", value: quantile(latencies, 0.5) },
          { metric: "semantic_recall", unit: "share", value: recall },
          { metric: "upstream_calls", unit: "calls", value: await askAtOnce(caches, repeat) },
        ],
        notes: [
          `l2 p99 ${Math.round(quantile(l2, 0.99))} us, semantic p99 ${quantile(latencies, 0.99).toFixed(2)} ms; ` +
            `${hits} of ${semanticLookups} wordings answered; the search alone ${indexMs.toFixed(3)} ms`,
        ],
      };
    },
  };
}

/** The partition that `lookUpAlike` asks. A store that a busy machine lost to memory alone is made again. */
export async function fillPartition({ clients: [client, other], token }: Caches): Promise<void> {
  const { epoch } = await client.lookup({ key: keyOf("epoch?", "alike") }, { token });
  let missing = questions;
  for (let round = 0; missing.length > 0; round++) {
    if (round === fillRounds) throw new Error(`${missing.length} answers are not in Redis after ${fillRounds} rounds`);
    const left: string[] = [];
    for (let at = 0; at < missing.length; at += batch) {
      const part = missing.slice(at, at + batch);
      const keys = part.map((question) => keyOf(question, "alike"));
      const stores = keys.map((key) => ({ ...answerTo(key, epoch), semantic: { threshold: 0 } }));
      await client.storeMany({ stores }, { token });
      const { replies } = await other.lookupMany({ lookups: keys.map((key) => ({ key })) }, { token });
      left.push(...part.filter((_, index) => !replies[index]?.hit));
    }
    missing = left;
  }
}

/** Stored through one replica and asked of the other: each look-up is one of Redis. */
async function lookUpFar({ clients: [near, far], token }: Caches, repeat: number): Promise<number[]> {
  const keys = Array.from({ length: l2Lookups }, (_, index) => keyOf(`far ${repeat} ${index}?`, "far"));
  const { epoch } = await near.lookup({ key: keyOf("epoch?", "far") }, { token });
  for (let at = 0; at < keys.length; at += batch) {
    await near.storeMany({ stores: keys.slice(at, at + batch).map((key) => answerTo(key, epoch)) }, { token });
  }
  for (let at = 0; at < warmUpLookups; at++)
    await far.lookup({ key: keyOf(`unknown ${repeat} ${at}?`, "far") }, { token });
  const latencies: number[] = [];
  for (const key of keys) {
    const began = performance.now();
    const { tier } = await far.lookup({ key }, { token });
    if (tier === "l2") latencies.push((performance.now() - began) * 1000);
  }
  // On a machine that is busy with something else, Redis may take longer than a look-up waits for it.
  if (latencies.length < l2Lookups * 0.98) throw new Error(`only ${latencies.length} of ${l2Lookups} came from L2`);
  return latencies;
}

async function lookUpAlike({ clients: [client], token }: Caches, repeat: number) {
  const latencies: number[] = [];
  let hits = 0;
  for (let at = 0; at < semanticLookups; at++) {
    const question = reworded(questions[(at * 7_919 + repeat) % questions.length] ?? "", repeat);
    const began = performance.now();
    const { tier } = await client.lookup({ key: keyOf(question, "alike"), semantic: { threshold: 0 } }, { token });
    latencies.push(performance.now() - began);
    if (tier === "semantic") hits += 1;
  }
  // Two in a hundred are answered anew on purpose.
  if (hits < semanticLookups * 0.9) throw new Error(`only ${hits} of ${semanticLookups} other wordings were answered`);
  return { latencies, hits };
}

async function askAtOnce({ clients, token }: Caches, repeat: number): Promise<number> {
  const key = keyOf(`asked at once ${repeat}?`, "popular");
  let calls = 0;
  async function ask(client: CacheClient): Promise<LookupReply> {
    const lookup = { key, singleFlight: true };
    const first = await client.lookup(lookup, { token });
    const reply = first.wait ? await client.awaitAnswer({ lookup }, { token }) : first;
    if (reply.hit) return reply;
    calls += 1;
    await wait(upstreamMs);
    await client.store({ ...answerTo(key, reply.epoch), lease: reply.lease }, { token });
    return reply;
  }
  await Promise.all(Array.from({ length: equalMisses }, (_, index) => ask(clients[index % 2 === 0 ? 0 : 1])));
  return calls;
}

function keyOf(question: string, agent: string): CacheKey {
  const input = JSON.stringify([{ user: question }]);
  return { namespace: "", agent, agentVersion: 1, model: "bench/model", policyHash: "a".repeat(64), input };
}

function answerTo(key: CacheKey, epoch: string) {
  return { key, epoch, value, ttlS: 3_600, costNanoUsd: 1n };
}
