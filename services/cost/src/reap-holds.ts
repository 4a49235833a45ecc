import { describeError } from "@agentmesh/errors";
import type { Context } from "./context.ts";
import { settle } from "./settle.ts";
import { expiredHolds, findHolds, type HoldRow } from "./store/holds.ts";
import type { LedgerEntry } from "./store/ledger.ts";

const MAX_REAPED = 500;

/**
 * Turns holds whose caller died into estimated ledger rows at the hold's value: the provider may have been paid, so the
 * money is counted until somebody knows better. Replicas may meet on a hold; the ledger takes one row.
 */
export function startReaper(context: Context): AsyncDisposable {
  let running = Promise.resolve();
  async function reap(): Promise<void> {
    try {
      while ((await reapOnce(context, new Date())) === MAX_REAPED);
    } catch (error) {
      context.log.warn({ reason: describeError(error) }, "expired holds not reaped; tried again soon");
    }
  }
  const timer = setInterval(() => {
    running = running.then(reap);
  }, context.config.holds.sweepMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}

async function reapOnce(context: Context, now: Date): Promise<number> {
  const keys = await expiredHolds(context.db, MAX_REAPED);
  if (keys.length === 0) return 0;
  await context.db.transaction(async (tx) => {
    const rows = await findHolds(tx, keys);
    await settle(
      context,
      tx,
      rows.map((row) => estimated(row, now)),
    );
  });
  context.log.warn({ holds: keys.length }, "holds were never settled; they are estimated rows now");
  return keys.length;
}

function estimated(hold: HoldRow, now: Date): LedgerEntry {
  const {
    held_nano_usd,
    input_tokens,
    max_output_tokens,
    price_version: _version,
    period_start: _start,
    ...charge
  } = hold;
  return {
    ...charge,
    uncached_input_tokens: input_tokens,
    cache_read_tokens: 0n,
    cache_write_tokens: 0n,
    output_tokens: max_output_tokens,
    reasoning_tokens: 0n,
    cost_nano_usd: held_nano_usd,
    kind: "estimated",
    cache_hit: false,
    saved_nano_usd: 0n,
    failed: true,
    response_ms: 0,
    at: now,
  };
}
