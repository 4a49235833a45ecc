import { LRUCache } from "lru-cache";
import type { Standing, Work } from "../domain/environment.ts";
import type { RunHead } from "../store/run-rows.ts";

/** How long steps took and how their doers did, as this process saw it: hints, so losing them is no loss. */
export type Past = {
  /** A worker took work. */
  took(tenant: string, work: Work): void;
  /** A result counted. @param quality 0 to 1 where it was scored; otherwise success decides */
  gave(tenant: string, work: Work, succeeded: boolean, quality: number | undefined): void;
  lasted(head: Version, node: string, durationMs: number): void;
  /** undefined: never seen. */
  expectedMs(head: Version, node: string): number | undefined;
  standing(tenant: string, work: Work): Standing | undefined;
};

type Version = Pick<RunHead, "tenant" | "workflow" | "version">;

const MAX_NODES = 20_000;
const MAX_DOERS = 5_000;
// Of what is new in a moving average.
const WEIGHT = 0.1;
// In work at a time, from which on a doer counts as full.
const FULL_AT = 32;
// Work whose end this process never sees (another replica took the result, a worker died) is forgotten by halves.
const HALF_LIFE_MS = 60_000;

type Doer = { busy: number; atMs: number; performance: number };

export function createPast(): Past {
  const durations = new LRUCache<string, number>({ max: MAX_NODES });
  const doers = new LRUCache<string, Doer>({ max: MAX_DOERS });

  function doer(tenant: string, { kind, name }: Work) {
    const key = `${tenant}/${kind}/${name}`;
    const nowMs = performance.now();
    const known = doers.get(key) ?? { busy: 0, atMs: nowMs, performance: 1 };
    known.busy = busyAt(known, nowMs);
    known.atMs = nowMs;
    doers.set(key, known);
    return known;
  }

  return {
    took(tenant, work) {
      doer(tenant, work).busy += 1;
    },
    gave(tenant, work, succeeded, quality) {
      const known = doer(tenant, work);
      known.busy = Math.max(0, known.busy - 1);
      known.performance += WEIGHT * ((succeeded ? (quality ?? 1) : 0) - known.performance);
    },
    lasted(head, node, durationMs) {
      const key = nodeKey(head, node);
      const known = durations.get(key);
      durations.set(key, known === undefined ? durationMs : known + WEIGHT * (durationMs - known));
    },
    expectedMs: (head, node) => durations.get(nodeKey(head, node)),
    standing(tenant, { kind, name }) {
      const known = doers.get(`${tenant}/${kind}/${name}`);
      return known && { load: Math.min(1, busyAt(known, performance.now()) / FULL_AT), performance: known.performance };
    },
  };
}

function busyAt({ busy, atMs }: Doer, nowMs: number): number {
  return busy * 0.5 ** ((nowMs - atMs) / HALF_LIFE_MS);
}

function nodeKey({ tenant, workflow, version }: Version, node: string): string {
  return `${tenant}/${workflow}@${version}/${node}`;
}
