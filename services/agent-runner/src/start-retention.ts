import type { Context } from "./context.ts";
import { every } from "./every.ts";
import { deleteOldEffects, forgetOldAnswers } from "./store/effects.ts";
import {
  deleteIdleSessions,
  deleteLostIntents,
  deleteOldFacts,
  deleteOldRuns,
  type Old,
  readTenants,
} from "./store/retention.ts";
import { deleteOldEvents } from "./store/run-events.ts";

const DAY_MS = 24 * 3_600_000;
// A person may take that much longer to say what became of an effect.
const DOUBT_DAYS = 335;
const MAX_ROWS = 1_000;
// Of each kind and tenant in a round; what is left comes with the next one.
const MAX_BATCHES = 100;

type Watched = Pick<Context, "db" | "config" | "policies" | "measured" | "log">;

/**
 * Forgets what is older than the operator keeps it (`retention`) or than the tenant's data policies allow, whichever is
 * shorter, some rows at a time. Every replica does it; rows that one is at are skipped by the others.
 */
export function startRetention(context: Watched): AsyncDisposable {
  const { config, log } = context;
  const repeating = every(
    config.retention.everyMs,
    "forgetting what is old",
    () => forgetOld(context, new Date()),
    log,
  );
  return { [Symbol.asyncDispose]: () => repeating.stop() };
}

export async function forgetOld(context: Watched, now: Date): Promise<void> {
  const { db, config, policies } = context;
  const { eventRetentionMs } = config.runs;
  await inBatches(context, "event", () => deleteOldEvents(db, eventRetentionMs, MAX_ROWS));
  await inBatches(context, "intent", () => deleteLostIntents(db, new Date(now.getTime() - DAY_MS), MAX_ROWS));
  const { effectDays } = config.retention;
  const daysAgo = (days: number) => new Date(now.getTime() - days * DAY_MS);
  await inBatches(context, "effect", () =>
    deleteOldEffects(db, daysAgo(effectDays), daysAgo(effectDays + DOUBT_DAYS), MAX_ROWS),
  );
  for (const tenant of await readTenants(db)) {
    const atMostDays = policies.keepDaysOf(tenant) ?? Number.POSITIVE_INFINITY;
    const old = (days: number): Old => {
      return { tenant, before: new Date(now.getTime() - Math.min(days, atMostDays) * DAY_MS), limit: MAX_ROWS };
    };
    const { runDays, sessionDays, memoryDays } = config.retention;
    await inBatches(context, "run", () => deleteOldRuns(db, old(runDays)));
    await inBatches(context, "session", () => deleteIdleSessions(db, old(sessionDays)));
    await inBatches(context, "fact", () => deleteOldFacts(db, old(memoryDays)));
    // That there was an effect is kept as long as a repeat may come; what was said of it, as long as the tenant allows.
    await inBatches(context, "effect_answer", () => forgetOldAnswers(db, old(effectDays)));
  }
}

async function inBatches({ measured }: Watched, kind: string, batch: () => Promise<number>): Promise<void> {
  for (let n = 0; n < MAX_BATCHES; n++) {
    const deleted = await batch();
    if (deleted > 0) measured.forgot(kind, deleted);
    if (deleted < MAX_ROWS) return;
  }
}
