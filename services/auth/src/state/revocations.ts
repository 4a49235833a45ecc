import {
  type Bus,
  publishSnapshots,
  SNAPSHOT_BUCKET,
  type SnapshotRow,
  subjectToken,
  watchSnapshot,
} from "@agentmesh/bus";
import { describeError } from "@agentmesh/errors";
import type { Principal } from "@agentmesh/identity";
import type { Database, Transaction } from "@agentmesh/postgres";
import {
  deleteRevocations,
  lockExpiredRevocations,
  markPublished,
  type RevocationRow,
  readRevocations,
  readUnpublishedRevocations,
  writeRevocations,
} from "../store/revocations.ts";

/** Tokens that are refused though they are not expired: of ended sessions, revoked keys and disabled subjects. */
export type Revocations = AsyncDisposable & {
  isRevoked(principal: Pick<Principal, "tenant" | "sessionId" | "subject">): boolean;
  /** In the transaction that ends them; call `publish` after its commit. */
  revokeSessions(tx: Transaction, tenant: string, sessionIds: readonly string[], nowMs: number): Promise<void>;
  revokeSubject(tx: Transaction, tenant: string, subject: string, nowMs: number): Promise<void>;
  liftSubject(tx: Transaction, tenant: string, subject: string, nowMs: number): Promise<void>;
  /** Sends what is not sent yet; a failure is logged and made good within a second. */
  publish(): Promise<void>;
  /** Forgets what no valid token can refer to any more. */
  prune(nowMs: number): Promise<void>;
  /** Takes the marks out of the bucket that say what was forgotten: each is a key, and keys are never used again. */
  clearMarks(nowMs: number): Promise<void>;
};

const TOPIC = "revocations";
const MAX_BATCH = 500;
// Beyond the longest token: a token may be signed from an account remembered for a second, and clocks differ.
const MARGIN_MS = 30_000;
// By then whoever watches has heard of it, or reads the bucket from the start anyway.
const KEEP_MARKS_MS = 60_000;
const MAX_MARKS = 2_000;

/** @param tokenTtlMs the longest that any token lives */
export async function openRevocations(bus: Bus, db: Database, tokenTtlMs: number): Promise<Revocations> {
  const watch = watchSnapshot<object>(bus, { topic: TOPIC, parse: (value) => Object(value) });
  const publisher = await publishSnapshots(bus, TOPIC, async () => (await readRevocations(db)).map(toSnapshot));
  let publishing = Promise.resolve();

  function write(tx: Transaction, tenant: string, keys: readonly string[], active: boolean, nowMs: number) {
    return writeRevocations(tx, tenant, keys, { active, expiresAt: new Date(nowMs + tokenTtlMs + MARGIN_MS) });
  }

  async function publishNow(): Promise<void> {
    try {
      const rows = await readUnpublishedRevocations(db, MAX_BATCH);
      for (const row of rows) await publisher.put(toSnapshot(row));
      if (rows.length > 0) await markPublished(db, versionsOf(rows));
    } catch (error) {
      bus.log.warn({ reason: describeError(error) }, "revocations not published; they are tried again");
    }
  }

  return {
    isRevoked({ tenant, sessionId, subject }) {
      if (sessionId && watch.get(`${tenant}.${sessionKey(sessionId)}`)) return true;
      return watch.get(`${tenant}.${subjectKey(subject)}`) !== undefined;
    },
    revokeSessions: (tx, tenant, ids, nowMs) => write(tx, tenant, ids.map(sessionKey), true, nowMs),
    revokeSubject: (tx, tenant, subject, nowMs) => write(tx, tenant, [subjectKey(subject)], true, nowMs),
    liftSubject: (tx, tenant, subject, nowMs) => write(tx, tenant, [subjectKey(subject)], false, nowMs),
    publish() {
      publishing = publishing.then(publishNow);
      return publishing;
    },
    async prune(nowMs) {
      await db.transaction(async (tx) => {
        const rows = await lockExpiredRevocations(tx, new Date(nowMs), MAX_BATCH);
        if (rows.length === 0) return;
        const kv = await bus.snapshots();
        for (const row of rows) await kv.delete(`${TOPIC}.${row.tenant}.${row.key}`);
        await deleteRevocations(tx, versionsOf(rows));
      });
    },
    async clearMarks(nowMs) {
      const marks = await marksBefore(await bus.snapshots(), nowMs - KEEP_MARKS_MS);
      for (const { key, revision } of marks) {
        // What was put over it meanwhile is younger, and stays.
        const filter = `$KV.${SNAPSHOT_BUCKET}.${key}`;
        await bus.jsm.streams.purge(`KV_${SNAPSHOT_BUCKET}`, { filter, seq: revision + 1 });
      }
    },
    async [Symbol.asyncDispose]() {
      await publishing;
      await publisher[Symbol.asyncDispose]();
      await watch[Symbol.asyncDispose]();
    },
  };
}

type Mark = { readonly key: string; readonly revision: number };

async function marksBefore(kv: Awaited<ReturnType<Bus["snapshots"]>>, beforeMs: number): Promise<Mark[]> {
  const history = await kv.history({ key: `${TOPIC}.>` });
  const marks: Mark[] = [];
  for await (const { key, revision, operation, created } of history) {
    if (operation !== "PUT" && created.getTime() < beforeMs) marks.push({ key, revision });
    if (marks.length >= MAX_MARKS) break;
  }
  return marks;
}

function sessionKey(id: string): string {
  return `session.${subjectToken(id)}`;
}

function subjectKey(subject: string): string {
  return `subject.${subjectToken(subject)}`;
}

function toSnapshot(row: RevocationRow): SnapshotRow {
  const value = row.active ? { until: row.expires_at.toISOString() } : undefined;
  return { key: `${row.tenant}.${row.key}`, version: Number(row.version), value };
}

function versionsOf(rows: readonly RevocationRow[]): bigint[] {
  return rows.map((row) => row.version);
}
