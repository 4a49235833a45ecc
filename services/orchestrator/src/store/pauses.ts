import type { Queryable } from "@agentmesh/postgres";
import type { Advanced } from "./write-advances.ts";

/** What runs have been told by their parents. It changes seldom, so it is no part of what every advance writes. */
export async function notePauses(tx: Queryable, all: readonly Advanced[]): Promise<void> {
  const told = all.filter(({ advance: { run, before } }) => isOther(run, before)).map(({ advance: { run } }) => run);
  if (told.length === 0) return;
  await tx.query(
    `UPDATE run r SET paused_with_parent = w.paused_with_parent, parent_seq = w.parent_seq
     FROM unnest($1::uuid[], $2::boolean[], $3::int[]) AS w (id, paused_with_parent, parent_seq) WHERE r.id = w.id`,
    [told.map((run) => run.id), told.map((run) => run.pausedWithParent), told.map((run) => run.parentSeq)],
  );
}

function isOther(run: Advanced["advance"]["run"], before: Advanced["advance"]["run"]): boolean {
  return run.pausedWithParent !== before.pausedWithParent || run.parentSeq !== before.parentSeq;
}
