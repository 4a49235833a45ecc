import { describeError } from "@agentmesh/errors";
import { canonicalJson, sha256Hex } from "@agentmesh/ids";
import type { CacheKey, LookupReply } from "@agentmesh/proto/cache";
import { z } from "zod";
import type { Context } from "../context.ts";
import type { AgentDefinition } from "../domain/agent.ts";
import type { MediaPart } from "../domain/media.ts";
import type { ChatMessage } from "../domain/model.ts";
import type { Caller } from "./run-request.ts";

export type Answer = { readonly text: string; readonly output?: unknown };

export type CacheHit = {
  readonly hit: true;
  readonly answer: Answer;
  readonly tier: string;
  readonly savedNanoUsd: bigint;
};

export type CacheSearch =
  | CacheHit
  /** `epoch` empty: the cache is away, and keeps nothing. */
  | { readonly hit: false; readonly epoch: string };

/** The cache as one run sees it. Disposing it lets those go on who wait for an answer that does not come. */
export type RunAnswers = AsyncDisposable & {
  /** A miss makes this run the one that answers, or it waits for the run that does. A failing cache is a miss. */
  find(): Promise<CacheSearch>;
  /** Keeps the answer of a miss for others; never fails. */
  keep(answer: Answer, costNanoUsd: bigint): Promise<void>;
  /** There is an answer, but only for this caller: those who wait for it go on by themselves. */
  keepNone(): Promise<void>;
};

// A cache that takes longer than this saves nobody time.
const LOOKUP_TIMEOUT_MS = 500;
const SEMANTIC_LOOKUP_TIMEOUT_MS = 1_000;
/** Of the time a lease lives, after which it is renewed. */
const RENEW_AFTER = 1 / 3;

const answer = z.object({ text: z.string(), output: z.unknown().optional() });

export function cacheKey(
  definition: AgentDefinition,
  model: string,
  input: string,
  { media = [], history = [] }: { media?: readonly MediaPart[]; history?: readonly ChatMessage[] } = {},
): CacheKey {
  const { name, version, policyHash } = definition;
  return {
    // Equal or similar texts with different pictures never meet.
    namespace: media.length === 0 ? "" : `media:${sha256Hex(canonicalJson([...media]))}`,
    agent: name,
    agentVersion: version,
    model,
    policyHash,
    input: canonicalJson([...history.map(({ role, content }) => ({ [role]: content })), { user: input }]),
  };
}

export function openRunAnswers(
  context: Context,
  run: { caller: Caller; definition: AgentDefinition; key: CacheKey; signal: AbortSignal },
): RunAnswers {
  const { caller, definition, key, signal } = run;
  const { cache } = context.peers;
  const { token, tenant } = caller;
  const from = { token, balanceKey: tenant };
  const semantic = semanticPolicyOf(definition);
  const lookup = { key, singleFlight: true, ...(semantic && { semantic }) };
  let epoch = "";
  let lease = "";
  let renewal: NodeJS.Timeout | undefined;

  function lead(reply: LookupReply): void {
    ({ epoch, lease } = reply);
    if (lease === "") return;
    const everyMs = reply.leaseMs * RENEW_AFTER;
    renewal = setInterval(() => void attempt("renew", cache.renewLease({ key, epoch, lease }, from)), everyMs);
    renewal.unref();
  }

  async function attempt<T>(operation: "lookup" | "store" | "renew", call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      if (operation !== "renew") context.measured.cacheDegraded(operation);
      context.log.debug({ operation, reason: describeError(error) }, "run goes on without the cache");
      return undefined;
    }
  }

  /** Only once: the lease is somebody else's afterwards. */
  function giveBack(): string {
    const held = lease;
    lease = "";
    clearInterval(renewal);
    return held;
  }

  async function release(unshared: boolean): Promise<void> {
    const held = giveBack();
    if (held !== "") await attempt("store", cache.releaseLease({ key, epoch, lease: held, unshared }, from));
  }

  return {
    async find() {
      const timeoutMs = semantic ? SEMANTIC_LOOKUP_TIMEOUT_MS : LOOKUP_TIMEOUT_MS;
      const first = await attempt("lookup", cache.lookup(lookup, { ...from, signal, timeoutMs }));
      const reply = first?.wait ? await attempt("lookup", cache.awaitAnswer({ lookup }, { ...from, signal })) : first;
      if (!reply) return { hit: false, epoch: first?.epoch ?? "" };
      if (!reply.hit) {
        lead(reply);
        return { hit: false, epoch };
      }
      return readHit(reply) ?? { hit: false, epoch: "" };
    },
    async keep(made, costNanoUsd) {
      const value = Buffer.from(JSON.stringify(made));
      const { ttlS } = definition.spec.cache;
      const store = { key, epoch, lease: giveBack(), ttlS, costNanoUsd, value, ...(semantic && { semantic }) };
      await attempt("store", context.storeAnswer({ token, tenant, store }));
    },
    keepNone: () => release(true),
    [Symbol.asyncDispose]: () => release(false),
  };
}

// What the cache takes in one call.
const MAX_LOOKUPS = 256;

/** The hits among many keys of one caller, in one pass and in their order. It neither leads nor waits. */
export async function findKnown(
  context: Context,
  caller: Caller,
  asked: readonly { readonly definition: AgentDefinition; readonly key: CacheKey }[],
): Promise<(CacheHit | undefined)[]> {
  const hits: (CacheHit | undefined)[] = [];
  try {
    for (let at = 0; at < asked.length; at += MAX_LOOKUPS) {
      const lookups = asked.slice(at, at + MAX_LOOKUPS).map(({ definition, key }) => {
        const semantic = semanticPolicyOf(definition);
        return { key, ...(semantic && { semantic }) };
      });
      const { replies } = await context.peers.cache.lookupMany(
        { lookups },
        { token: caller.token, balanceKey: caller.tenant },
      );
      hits.push(...replies.map(readHit));
    }
  } catch (error) {
    context.measured.cacheDegraded("lookup");
    context.log.debug({ reason: describeError(error) }, "batch goes on without the cache");
  }
  return hits;
}

/** Undefined: a miss, or an answer that an older version wrote in another way. */
function readHit(reply: LookupReply): CacheHit | undefined {
  const stored = reply.hit ? answer.safeParse(parseJson(reply.value)) : undefined;
  if (!stored?.success) return undefined;
  return { hit: true, answer: stored.data, tier: reply.tier, savedNanoUsd: reply.costNanoUsd };
}

/** Undefined: only the same question will do. What is said over several turns the cache tells by the key itself. */
function semanticPolicyOf(definition: AgentDefinition): { threshold: number } | undefined {
  const { cache } = definition.spec;
  return cache.mode === "semantic" && bypassOf(definition) === "" ? { threshold: cache.threshold ?? 0 } : undefined;
}

/**
 * Why an agent that says `semantic` is looked up exactly all the same; empty: it is not. Such a declaration is refused,
 * but a tool may get an effect after it.
 */
export function bypassOf({ spec, tools }: AgentDefinition): string {
  if (spec.cache.mode !== "semantic") return "";
  const tool = [...tools.values()].find(({ effect }) => effect !== "read");
  return tool ? `semantic: the tool ${tool.name} is ${tool.effect}` : "";
}

function parseJson(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString("utf8"));
  } catch {
    return undefined;
  }
}
