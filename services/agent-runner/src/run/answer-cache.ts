import { describeError } from "@agentmesh/errors";
import { canonicalJson } from "@agentmesh/ids";
import type { CacheKey } from "@agentmesh/proto/cache";
import { z } from "zod";
import type { Context } from "../context.ts";
import type { AgentDefinition } from "../domain/agent.ts";
import type { Caller } from "./run-request.ts";

export type Answer = { readonly text: string; readonly output?: unknown };

export type CacheSearch =
  | { readonly hit: true; readonly answer: Answer; readonly tier: string; readonly savedNanoUsd: bigint }
  /** `epoch` goes along when the answer is stored; empty: the cache is away. */
  | { readonly hit: false; readonly epoch: string };

// A cache that takes longer than this saves nobody time.
const LOOKUP_TIMEOUT_MS = 300;
const answer = z.object({ text: z.string(), output: z.unknown().optional() });

export function cacheKey(definition: AgentDefinition, model: string, input: string): CacheKey {
  const { name, version, policyHash } = definition;
  return { agent: name, agentVersion: version, model, policyHash, input: canonicalJson([{ user: input }]) };
}

/** A failing cache is a miss. The tenant is the one of the token that is passed on. */
export async function findAnswer(
  context: Context,
  caller: Caller,
  key: CacheKey,
  signal: AbortSignal,
): Promise<CacheSearch> {
  try {
    const options = { token: caller.token, signal, timeoutMs: LOOKUP_TIMEOUT_MS };
    const found = await context.peers.cache.lookup({ key }, options);
    if (!found.hit) return { hit: false, epoch: found.epoch };
    const stored = answer.parse(JSON.parse(Buffer.from(found.value).toString("utf8")));
    return { hit: true, answer: stored, tier: found.tier, savedNanoUsd: found.costNanoUsd };
  } catch (error) {
    context.measured.cacheDegraded("lookup");
    context.log.debug({ reason: describeError(error) }, "run goes on without the cache");
    return { hit: false, epoch: "" };
  }
}

export async function storeAnswer(
  context: Context,
  caller: Caller,
  entry: { key: CacheKey; epoch: string; answer: Answer; ttlS: number; costNanoUsd: bigint },
): Promise<void> {
  const { key, epoch, ttlS, costNanoUsd } = entry;
  try {
    const value = Buffer.from(JSON.stringify(entry.answer));
    await context.peers.cache.store({ key, epoch, ttlS, costNanoUsd, value }, { token: caller.token });
  } catch (error) {
    context.measured.cacheDegraded("store");
    context.log.debug({ reason: describeError(error) }, "answer not stored in the cache");
  }
}
