import { setTimeout as wait } from "node:timers/promises";
import { describeError } from "@agentmesh/errors";
import type { Database } from "@agentmesh/postgres";
import type { Bus } from "./connect.ts";
import { EVENTS_MAX_AGE_MS } from "./streams.ts";

const KEEP_MS = EVENTS_MAX_AGE_MS + 24 * 3600 * 1000;
const EVERY_MS = 3600 * 1000;
const MAX_BATCH = 1000;

/** Forgets, at start and every hour, the ids of events that no stream can deliver any more. */
export function keepInboxShort(bus: Bus, db: Database): AsyncDisposable {
  const stop = new AbortController();

  async function trim(): Promise<void> {
    for (;;) {
      const { rowCount } = await db.query(
        `DELETE FROM inbox WHERE (consumer, msg_id) IN (
           SELECT consumer, msg_id FROM inbox WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
        [new Date(Date.now() - KEEP_MS), MAX_BATCH],
      );
      if (rowCount < MAX_BATCH || stop.signal.aborted) return;
    }
  }

  async function trimForever(): Promise<void> {
    while (!stop.signal.aborted) {
      await trim().catch((error) => bus.log.warn({ reason: describeError(error) }, "inbox not trimmed; later again"));
      await wait(EVERY_MS, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
    }
  }

  const running = trimForever();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
