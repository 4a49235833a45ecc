import { AppError } from "@agentmesh/errors";
import { affordableOutput, type Price, worstCostOf } from "./price.ts";

/** A budget's room at the moment of deciding; `held` grows as holds are granted. */
export type Room = {
  readonly name: string;
  readonly scope: string;
  readonly hard: boolean;
  readonly limitNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
  heldNanoUsd: bigint;
};

export type HoldDecision = {
  readonly heldNanoUsd: bigint;
  readonly maxOutputTokens: bigint;
  readonly clamped: boolean;
};

// An answer cut shorter than this is worth nothing; refusing says more.
const MIN_OUTPUT_TOKENS = 16n;

/**
 * Reserves the most a call can cost in every budget it counts in, all or nothing. Where money is short the output is
 * clamped to what the headroom buys.
 *
 * @throws AppError RESOURCE_EXHAUSTED (BUDGET_EXHAUSTED) naming the tightest budget
 */
export function decideHold(
  call: { inputTokens: bigint; maxOutputTokens: bigint },
  price: Price,
  rooms: readonly Room[],
): HoldDecision {
  let maxOutputTokens = call.maxOutputTokens;
  let tightest: Room | undefined;
  for (const room of rooms) {
    if (!room.hard) continue;
    const headroom = room.limitNanoUsd - room.spentNanoUsd - room.heldNanoUsd;
    if (headroom < worstCostOf(call.inputTokens, 0n, price)) throw exhausted(room);
    const affordable = affordableOutput(headroom, call.inputTokens, maxOutputTokens, price);
    if (affordable < maxOutputTokens) {
      maxOutputTokens = affordable;
      tightest = room;
    }
  }
  if (tightest && maxOutputTokens < minimum(call.maxOutputTokens)) throw exhausted(tightest);
  const heldNanoUsd = worstCostOf(call.inputTokens, maxOutputTokens, price);
  for (const room of rooms) room.heldNanoUsd += heldNanoUsd;
  return { heldNanoUsd, maxOutputTokens, clamped: maxOutputTokens < call.maxOutputTokens };
}

function minimum(wanted: bigint): bigint {
  return wanted < MIN_OUTPUT_TOKENS ? wanted : MIN_OUTPUT_TOKENS;
}

function exhausted(room: Room): AppError {
  return new AppError(
    "RESOURCE_EXHAUSTED",
    `budget ${room.name} (${room.scope}) has ${usd(room.limitNanoUsd - room.spentNanoUsd - room.heldNanoUsd)} left of ${usd(room.limitNanoUsd)} this month, less than the call may cost; raise the budget or wait for the next month`,
    { reason: "BUDGET_EXHAUSTED", field: room.name },
  );
}

function usd(nanoUsd: bigint): string {
  return `$${(Number(nanoUsd) / 1e9).toFixed(6)}`;
}
