import { type CacheKey, LookupReply, LookupRequest } from "@agentmesh/proto/cache";

/** Calls of a repeat, one after the other. */
export const calls = 3_000;
/** Before the first repeat: code that was never run is not what a service is made of. */
export const warmUp = 3_000;

const key: CacheKey = {
  namespace: "",
  agent: "bench",
  agentVersion: 1,
  model: "bench/model",
  policyHash: "a".repeat(64),
  input: JSON.stringify([{ user: "What does one call take?" }]),
};

export const request = LookupRequest.fromPartial({ key });
export const requestBytes = Buffer.from(LookupRequest.encode(request).finish());
export const reply = LookupReply.fromPartial({ hit: true, tier: "l1", value: Buffer.alloc(500, "x"), costNanoUsd: 1n });
export const replyBytes = Buffer.from(LookupReply.encode(reply).finish());

export const path = "/agentmesh.cache.v1.CacheService/Lookup";
