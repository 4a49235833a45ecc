import type { Transaction } from "@agentmesh/postgres";

const WEEK_MS = 7 * 24 * 3600 * 1000;
// 1970-01-05, a Monday.
const MONDAY_MS = 4 * 24 * 3600 * 1000;
const WEEKS_AHEAD = 2;
const NAME = /^run_event_(\d{4})(\d{2})(\d{2})$/;

/**
 * Makes the weeks of run_event that are coming and drops those that ended before a time. Both take a lock of the whole
 * table for a moment: it waits for it no longer than a second, and comes again.
 *
 * @returns names of what was made and dropped
 */
export async function keepPartitions(
  tx: Transaction,
  now: Date,
  before: Date,
): Promise<{ made: string[]; dropped: string[] }> {
  const { rows } = await tx.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'run_event'::regclass`,
  );
  const names = new Set(rows.map((row) => row.name));
  const wanted = Array.from({ length: WEEKS_AHEAD + 1 }, (_, week) => weekOf(now.getTime() + week * WEEK_MS));
  const made = wanted.filter((week) => !names.has(week.name));
  const dropped = [...names].filter((name) => endOf(name) <= before.getTime());
  if (made.length + dropped.length > 0) await tx.query("SET LOCAL lock_timeout = '1s'");
  for (const week of made) await makeWeek(tx, week);
  for (const name of dropped) await tx.query(`DROP TABLE IF EXISTS ${name}`);
  // What no week took: there is nothing in it but what was written long before the first week.
  await tx.query(
    "DELETE FROM run_event_other WHERE (run, seq) IN (SELECT run, seq FROM run_event_other WHERE at < $1 LIMIT 1000)",
    [before.toISOString()],
  );
  return { made: made.map((week) => week.name), dropped };
}

/**
 * Made aside and then attached, for events may have come before their week: after some weeks of rest nobody has made it
 * ahead, and a week whose events stand elsewhere cannot be made in place.
 */
async function makeWeek(tx: Transaction, { name, fromMs }: Week): Promise<void> {
  const [from, to] = [iso(fromMs), iso(fromMs + WEEK_MS)];
  // Names and bounds are computed here; DDL takes no parameters.
  await tx.query("LOCK TABLE run_event_other IN ACCESS EXCLUSIVE MODE");
  // Another replica may have had the lock before.
  const { rows } = await tx.query<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [name]);
  if (rows[0]?.there) return;
  await tx.query(`CREATE TABLE ${name} (LIKE run_event INCLUDING ALL)`);
  await tx.query(
    `WITH early AS (DELETE FROM run_event_other WHERE at >= '${from}' AND at < '${to}' RETURNING run, seq, at, events)
     INSERT INTO ${name} (run, seq, at, events) SELECT run, seq, at, events FROM early`,
  );
  await tx.query(`ALTER TABLE run_event ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`);
}

type Week = { readonly name: string; readonly fromMs: number };

function weekOf(ms: number): Week {
  const fromMs = Math.floor((ms - MONDAY_MS) / WEEK_MS) * WEEK_MS + MONDAY_MS;
  return { name: `run_event_${iso(fromMs).slice(0, 10).replaceAll("-", "")}`, fromMs };
}

/** When the week of a partition ends; never for what is no week. */
function endOf(name: string): number {
  const [, year, month, day] = NAME.exec(name) ?? [];
  if (year === undefined) return Number.POSITIVE_INFINITY;
  return Date.parse(`${year}-${month}-${day}T00:00:00Z`) + WEEK_MS;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
