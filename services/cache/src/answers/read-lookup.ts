import { sha256Hex } from "@agentmesh/ids";
import type { CacheKey, LookupRequest, SemanticPolicy } from "@agentmesh/proto/cache";
import type { CacheConfig } from "../config.ts";
import { hashKey, hashPolicy } from "../domain/cache-key.ts";
import { questionOf } from "../domain/canonical-input.ts";
import { partition } from "../domain/partition.ts";
import type { Payer } from "../domain/payer.ts";

/** What is looked up, before it is known under which epoch. */
export type Asked = {
  readonly hash: string;
  readonly agent: string;
  /** Undefined: only the same question will do. */
  readonly alike: Alike | undefined;
  readonly isSingleFlight: boolean;
};

/** That another wording of the question will do. */
export type Alike = {
  readonly question: string;
  readonly policyHash: string;
  readonly threshold: number;
  readonly payer: Payer;
};

/** Where an answer is, or would be. */
export type Place = { readonly tenant: string; readonly partition: string; readonly hash: string };

const LEAST_THRESHOLD = 0.5;

/** @throws AppError INVALID_ARGUMENT where the key is not complete */
export function readLookup(config: CacheConfig, payer: Payer, lookup: LookupRequest): Asked {
  return {
    hash: hashKey(payer.tenant, lookup.key),
    agent: lookup.key?.agent ?? "",
    alike: readAlike(config, payer, lookup.key, lookup.semantic),
    isSingleFlight: lookup.singleFlight,
  };
}

/** Undefined also where the input is more than one question in words, or longer than is compared. */
export function readAlike(
  { semantic }: CacheConfig,
  payer: Payer,
  key: CacheKey | undefined,
  policy: SemanticPolicy | undefined,
): Alike | undefined {
  const question = policy && key ? questionOf(key.input) : undefined;
  if (!policy || question === undefined || question.length > semantic.maxTextChars) return undefined;
  const threshold = Math.min(1, Math.max(LEAST_THRESHOLD, policy.threshold || semantic.threshold));
  const { agent = "" } = key ?? {};
  return { question, policyHash: hashPolicy(payer.tenant, key), threshold, payer: { ...payer, agent } };
}

export function placeOf(tenant: string, epoch: string, hash: string): Place {
  return { tenant, partition: partition(tenant, epoch), hash };
}

/** The name of the flight for an answer. It tells nobody whose it is. */
export function flightOf({ partition, hash }: Place): string {
  return sha256Hex(`${partition}:${hash}`);
}
