import type { Queryable } from "@agentmesh/postgres";
import { AuditEntry } from "@agentmesh/proto/compliance";
import type { Context } from "./context.ts";
import { appendLeaves, emptyFrontier, leafHash, rootOf } from "./domain/merkle.ts";
import { openNote, originOf } from "./domain/signed-note.ts";
import { publishedCheckpoint } from "./published-checkpoint.ts";
import { readCheckpoints } from "./store/checkpoints.ts";
import { type EntryRow, readEntries, readTree } from "./store/trail.ts";

export type Verification = { entries: bigint; checkpoints: number; rootHash: string; problems: string[] };

const PAGE = 5000;
const MAX_PROBLEMS = 20;

/**
 * Recomputes a tenant's tree from its entries, from nothing but their bytes, and holds it against every signed
 * checkpoint: those in the database and the last one that was published outside of it. Finds an edit, a deletion, a
 * reorder, a truncation, and a rewrite of the whole.
 */
export async function verifyTrail(context: Context, tenant: string): Promise<Verification> {
  const problems: string[] = [];
  function problem(text: string): void {
    if (problems.length < MAX_PROBLEMS) problems.push(text);
  }
  const roots = await signedRoots(context, tenant, problem);
  const head = await readTree(context.db, tenant);
  let frontier = emptyFrontier;
  for await (const row of allEntries(context.db, tenant)) {
    if (row.seq !== frontier.size) {
      problem(`entry ${frontier.size} is missing: the next one is ${row.seq}`);
      break;
    }
    checkColumns(row, problem);
    frontier = appendLeaves(frontier, [leafHash(row.body)]).frontier;
    const signed = roots.get(frontier.size);
    if (signed && !signed.equals(rootOf(frontier))) {
      problem(`the first ${frontier.size} entries do not give the root that was signed for them`);
    }
  }
  if (frontier.size < head.size) problem(`the tree has ${head.size} entries, but only ${frontier.size} are there`);
  for (const size of roots.keys()) {
    if (size > frontier.size)
      problem(`a checkpoint was signed for ${size} entries, but only ${frontier.size} are there`);
  }
  return { entries: frontier.size, checkpoints: roots.size, rootHash: rootOf(frontier).toString("base64"), problems };
}

async function* allEntries(db: Queryable, tenant: string): AsyncGenerator<EntryRow> {
  for (let from = 0n; ; ) {
    const page = await readEntries(db, tenant, from, PAGE);
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    from = last.seq + 1n;
  }
}

/** The columns repeat parts of the body for looking up; they must say the same. */
function checkColumns(row: EntryRow, problem: (text: string) => void): void {
  const entry = AuditEntry.decode(row.body);
  const same =
    entry.id === row.id &&
    entry.seq === row.seq &&
    entry.tenant === row.tenant &&
    entry.subject === row.subject &&
    entry.action === row.action &&
    entry.requestId === row.request_id &&
    entry.at?.getTime() === row.at.getTime();
  if (!same) problem(`entry ${row.seq}: its columns say something else than its signed body`);
}

async function signedRoots(
  context: Context,
  tenant: string,
  problem: (text: string) => void,
): Promise<Map<bigint, Buffer>> {
  const roots = new Map<bigint, Buffer>();
  const notes = (await readCheckpoints(context.db, tenant)).map(({ note }) => note);
  const published = await publishedCheckpoint(context.bus, tenant);
  for (const note of published ? [...notes, published] : notes) {
    const checkpoint = openNote(note, [context.signer]);
    if (!checkpoint || checkpoint.origin !== originOf(tenant)) {
      problem(`a checkpoint is not signed by ${context.signer.name}: ${JSON.stringify(note.slice(0, 60))}`);
      continue;
    }
    const other = roots.get(checkpoint.size);
    if (other && !other.equals(checkpoint.root))
      problem(`two different roots were signed for ${checkpoint.size} entries`);
    roots.set(checkpoint.size, checkpoint.root);
  }
  return roots;
}
