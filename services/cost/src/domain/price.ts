import { AppError } from "@agentmesh/errors";
import { z } from "zod";

/** Integer nano-USD for a million tokens: what providers publish, without a fraction of a nano. */
export type Price = {
  readonly version: number;
  readonly inputNanoUsd: bigint;
  readonly cacheReadNanoUsd: bigint;
  readonly cacheWriteNanoUsd: bigint;
  readonly outputNanoUsd: bigint;
  readonly reasoningNanoUsd: bigint;
  /** Milliseconds since the epoch. */
  readonly validFromMs: number;
};

/** Disjoint buckets; their sum is the provider's total. */
export type Tokens = {
  readonly uncachedInputTokens: bigint;
  readonly cacheReadTokens: bigint;
  readonly cacheWriteTokens: bigint;
  readonly outputTokens: bigint;
  readonly reasoningTokens: bigint;
};

export type PriceBook = (tenant: string, provider: string, model: string, atMs: number) => Price;

const usd = z.number().min(0).max(1_000_000);

/** A Price resource: USD for a million tokens, as providers publish them. */
export const priceSpec = z.strictObject({
  provider: z.string().min(1),
  model: z.string().min(1),
  inputUsdPerMTok: usd,
  /** Default: the input price. */
  cacheReadUsdPerMTok: usd.optional(),
  /** Default: the input price. */
  cacheWriteUsdPerMTok: usd.optional(),
  outputUsdPerMTok: usd,
  /** Default: the output price. */
  reasoningUsdPerMTok: usd.optional(),
  /** RFC 3339; default: always. */
  validFrom: z.iso.datetime({ offset: true }).optional(),
  /** Where the figures come from. */
  source: z.string().min(1),
});

export type PriceSpec = z.infer<typeof priceSpec>;

export function compilePrice(spec: PriceSpec, version: number): Price {
  return {
    version,
    inputNanoUsd: nano(spec.inputUsdPerMTok),
    cacheReadNanoUsd: nano(spec.cacheReadUsdPerMTok ?? spec.inputUsdPerMTok),
    cacheWriteNanoUsd: nano(spec.cacheWriteUsdPerMTok ?? spec.inputUsdPerMTok),
    outputNanoUsd: nano(spec.outputUsdPerMTok),
    reasoningNanoUsd: nano(spec.reasoningUsdPerMTok ?? spec.outputUsdPerMTok),
    validFromMs: spec.validFrom ? Date.parse(spec.validFrom) : 0,
  };
}

/** USD as integer nano-USD. */
export function nano(usdAmount: number): bigint {
  return BigInt(Math.round(usdAmount * 1e9));
}

const MILLION = 1_000_000n;

/** What tokens cost, rounded up once: a charge is never short by rounding. Integer nano-USD. */
export function costOf(tokens: Tokens, price: Price): bigint {
  const perMillion =
    tokens.uncachedInputTokens * price.inputNanoUsd +
    tokens.cacheReadTokens * price.cacheReadNanoUsd +
    tokens.cacheWriteTokens * price.cacheWriteNanoUsd +
    tokens.outputTokens * price.outputNanoUsd +
    tokens.reasoningTokens * price.reasoningNanoUsd;
  return (perMillion + MILLION - 1n) / MILLION;
}

/** The most a call can cost: its input at the dearest way to read it, its output at the dearest way to write it. */
export function worstCostOf(inputTokens: bigint, maxOutputTokens: bigint, price: Price): bigint {
  return costOf(
    { ...NONE, uncachedInputTokens: inputTokens, outputTokens: maxOutputTokens },
    { ...price, inputNanoUsd: dearestInput(price), outputNanoUsd: dearestOutput(price) },
  );
}

/** How many output tokens a sum buys after the input is paid; at most `wanted`. */
export function affordableOutput(headroomNanoUsd: bigint, inputTokens: bigint, wanted: bigint, price: Price): bigint {
  const left = headroomNanoUsd * MILLION - inputTokens * dearestInput(price);
  if (left < 0n) return 0n;
  const each = dearestOutput(price);
  if (each === 0n) return wanted;
  const bought = left / each;
  return bought < wanted ? bought : wanted;
}

const NONE: Tokens = {
  uncachedInputTokens: 0n,
  cacheReadTokens: 0n,
  cacheWriteTokens: 0n,
  outputTokens: 0n,
  reasoningTokens: 0n,
};

function dearestInput(price: Price): bigint {
  return max(price.inputNanoUsd, max(price.cacheReadNanoUsd, price.cacheWriteNanoUsd));
}

function dearestOutput(price: Price): bigint {
  return max(price.outputNanoUsd, price.reasoningNanoUsd);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

export type BookEntry = { readonly tenant: string; readonly spec: PriceSpec; readonly price: Price };

/**
 * The price of a model at a time: the tenant's latest valid entry, else the shipped one, else what `unknownPrice`
 * says. A price is never skipped.
 *
 * @throws AppError FAILED_PRECONDITION (UNKNOWN_PRICE)
 */
export function findPrice(
  entries: Iterable<BookEntry>,
  shipped: readonly BookEntry[],
  wanted: { tenant: string; provider: string; model: string; atMs: number },
  unknownPrice: "refuse" | "ceiling",
): Price {
  const own = latest(
    [...entries].filter((entry) => entry.tenant === wanted.tenant),
    wanted,
  );
  const found = own ?? latest(shipped, wanted);
  if (found) return found;
  if (unknownPrice === "ceiling") return ceilingOf(shipped);
  throw new AppError(
    "FAILED_PRECONDITION",
    `no price is known for ${wanted.provider}/${wanted.model}; apply a Price resource for it`,
    { reason: "UNKNOWN_PRICE" },
  );
}

function latest(
  entries: readonly BookEntry[],
  wanted: { provider: string; model: string; atMs: number },
): Price | undefined {
  let best: Price | undefined;
  for (const { spec, price } of entries) {
    if (spec.provider !== wanted.provider || spec.model !== wanted.model || price.validFromMs > wanted.atMs) continue;
    if (!best || price.validFromMs >= best.validFromMs) best = price;
  }
  return best;
}

function ceilingOf(entries: readonly BookEntry[]): Price {
  return entries.reduce<Price>(
    (ceiling, { price }) => ({
      version: 0,
      validFromMs: 0,
      inputNanoUsd: max(ceiling.inputNanoUsd, price.inputNanoUsd),
      cacheReadNanoUsd: max(ceiling.cacheReadNanoUsd, price.cacheReadNanoUsd),
      cacheWriteNanoUsd: max(ceiling.cacheWriteNanoUsd, price.cacheWriteNanoUsd),
      outputNanoUsd: max(ceiling.outputNanoUsd, price.outputNanoUsd),
      reasoningNanoUsd: max(ceiling.reasoningNanoUsd, price.reasoningNanoUsd),
    }),
    {
      version: 0,
      validFromMs: 0,
      inputNanoUsd: 0n,
      cacheReadNanoUsd: 0n,
      cacheWriteNanoUsd: 0n,
      outputNanoUsd: 0n,
      reasoningNanoUsd: 0n,
    },
  );
}
