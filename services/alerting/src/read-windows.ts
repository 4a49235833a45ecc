import type { Queryable } from "@agentmesh/postgres";
import type { Series } from "./domain/metrics.ts";
import { tierFor, windowStart } from "./domain/tiers.ts";
import { type Measured, measureWindow } from "./store/samples.ts";

export type Need = { readonly tenant: string; readonly series: Series; readonly windowS: number };

/** What was measured in a window, by label set. */
export type Windows = (need: Need) => readonly Measured[];

export type WindowReader = (needs: readonly Need[], now: Date) => Promise<Windows>;

// A long window hardly moves in a second, and reading it costs most: an hour over 500 label sets took 0.5 s. One that is
// read again after a 360th of its length is never older than that, and never older than MAX_AGE_MS.
const READS_IN_A_WINDOW = 360;
const MAX_AGE_MS = 5000;

type Read = { readonly at: Date; readonly tenants: ReadonlySet<string>; readonly rows: Map<string, Measured[]> };
type Asked = { readonly series: Series; readonly windowS: number; readonly tenants: Set<string> };

/** Reads windows with one query a series and length for all tenants, and remembers them for a short while. */
export function windowReader(db: Queryable): WindowReader {
  let known = new Map<string, Read>();
  return async (needs, now) => {
    const next = new Map<string, Read>();
    for (const [key, asked] of grouped(needs)) {
      const before = known.get(key);
      next.set(key, before && isFresh(before, asked, now) ? before : await read(db, asked, now));
    }
    known = next;
    return (need) => next.get(keyOf(need))?.rows.get(need.tenant) ?? [];
  };
}

function grouped(needs: readonly Need[]): Map<string, Asked> {
  const asked = new Map<string, Asked>();
  for (const need of needs) {
    const { series, windowS } = need;
    const window = asked.get(keyOf(need)) ?? { series, windowS, tenants: new Set() };
    window.tenants.add(need.tenant);
    asked.set(keyOf(need), window);
  }
  return asked;
}

function keyOf({ series, windowS }: Need): string {
  return `${series}\n${windowS}`;
}

function isFresh(before: Read, { windowS, tenants }: Asked, now: Date): boolean {
  const maxAgeMs = Math.min(MAX_AGE_MS, (windowS * 1000) / READS_IN_A_WINDOW);
  return now.getTime() - before.at.getTime() < maxAgeMs && tenants.isSubsetOf(before.tenants);
}

async function read(db: Queryable, { series, windowS, tenants }: Asked, now: Date): Promise<Read> {
  const { stepS } = tierFor(windowS);
  const since = windowStart(now, windowS, stepS);
  const rows = new Map<string, Measured[]>();
  for (const row of await measureWindow(db, { series, stepS, since, tenants: [...tenants] })) {
    const ofTenant = rows.get(row.tenant);
    if (ofTenant) ofTenant.push(row);
    else rows.set(row.tenant, [row]);
  }
  return { at: now, tenants, rows };
}
