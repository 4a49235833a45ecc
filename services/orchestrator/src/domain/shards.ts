import { change, type Draft, MAX_TOLD_FAILURES, say, type Tally, tally } from "./draft.ts";
import { cancelStep, mustAwait, takeBack } from "./ending.ts";
import { needOpen, needShards } from "./loaded.ts";
import { mayRelease } from "./release-step.ts";
import { isInFlight, restarted, type StepState, stepKey } from "./run-state.ts";
import type { Counts } from "./step-detail.ts";

/** Outputs of a map's items are given together up to this size. */
export const MAX_KEPT_BYTES = 1024 * 1024;
// More in one advance would hold the run's lock for long; the rest follows with the next.
const MAX_RELEASED = 1000;
// Rows looked at in one advance for those that are to start again.
const AGAIN_WINDOW = 500;

export const noCounts: Counts = { total: 0, ok: 0, failed: 0, open: 0, next: 1 };

/** Takes the ends of shards into the head's counts. */
export function countEnded(draft: Draft, head: StepState, counts: Counts, ended: Tally): StepState {
  if (ended.ok + ended.failed === 0) return head;
  const bytes = (counts.bytes ?? 0) > MAX_KEPT_BYTES ? (counts.bytes ?? 0) : (counts.bytes ?? 0) + ended.bytes;
  const now: Counts = {
    ...counts,
    ok: counts.ok + ended.ok,
    failed: counts.failed + ended.failed,
    open: counts.open - ended.ok - ended.failed,
    bytes,
  };
  const told = [...(head.detail.failures ?? []), ...ended.failures].slice(0, MAX_TOLD_FAILURES);
  tellProgress(draft, head.node, counts, now);
  return change(draft, head, {
    detail: { ...head.detail, counts: now, ...(told.length > 0 && { failures: told }) },
  });
}

/** Each hundredth part is told, so that a long map does not fill the run's events. */
function tellProgress(draft: Draft, node: string, before: Counts, now: Counts): void {
  const part = ({ ok, failed, total }: Counts) => Math.floor(((ok + failed) * 100) / Math.max(1, total));
  if (part(before) === part(now)) return;
  const { total, ok, failed, open, level } = now;
  say(draft, "step.progress", node, { total, ok, failed, open, ...(level !== undefined && { level }) });
}

/**
 * Releases shards in order while fewer than `concurrency` are open.
 *
 * @param last number of the last shard there is to release
 * @param start starts a shard that has no row, or one that is to start again
 */
export function releaseShards(
  draft: Draft,
  head: StepState,
  limits: { readonly concurrency: number; readonly last: number },
  start: (shard: number) => void,
): void {
  let { counts } = head.detail;
  if (!counts || !mayRelease(draft, head.node)) return;
  const before = counts;
  const { again } = counts;
  const last = again ? Math.min(limits.last, counts.next + AGAIN_WINDOW - 1) : limits.last;
  if (again && counts.next <= last) needShards(draft, head.node, counts.next, last);
  while (counts.open < limits.concurrency && counts.next <= last && draft.released < MAX_RELEASED) {
    draft.released++;
    const shard: number = counts.next;
    const known = again && draft.steps.get(stepKey(head.node, shard));
    if (known && known.state === "succeeded" && again === "failed") {
      const bytes: number = (counts.bytes ?? 0) + JSON.stringify(known.output ?? null).length;
      counts = { ...counts, next: shard + 1, ok: counts.ok + 1, bytes };
      continue;
    }
    counts = { ...counts, next: shard + 1, open: counts.open + 1 };
    if (known) change(draft, known, restarted(known));
    start(shard);
  }
  if (counts === before) return;
  change(draft, head, { detail: { ...head.detail, counts } });
  // Shards that had succeeded before may be all there are.
  if (counts.ok > before.ok && counts.next > limits.last) tally(draft, head.node);
}

/** Whether there is more to release as soon as the run may. */
export function hasMore(counts: Counts, concurrency: number, last: number): boolean {
  return counts.open < concurrency && counts.next <= last;
}

/**
 * Cancels the open shards of a node, but for those that may act and could be undone: their end is awaited.
 *
 * @returns how many those are
 */
export function dropShards(draft: Draft, node: string): number {
  needOpen(draft);
  let awaited = 0;
  for (const known of [...draft.steps.values()]) {
    if (known.node !== node || known.shard === 0 || !(isInFlight(known.state) || known.state === "in_doubt")) continue;
    const step = takeBack(draft, known);
    if (mustAwait(draft, step)) awaited++;
    else cancelStep(draft, step);
  }
  return awaited;
}
