import type { Database } from "@agentmesh/postgres";
import type { AuthConfig } from "../config.ts";
import { deletePendingBefore } from "../store/pending-sign-ins.ts";
import { deleteChallengesBefore } from "../store/security-key-challenges.ts";
import { deleteSessionsBefore } from "../store/sessions.ts";
import { deleteGuardsBefore } from "../store/sign-in-guards.ts";

const MAX_ROWS = 5_000;
// Ended sessions stay as long as the addresses they came from count as known.
const KEEP_SESSIONS_MS = 30 * 24 * 3600 * 1000;

export async function pruneSignIns(db: Database, { lockOut }: AuthConfig, nowMs: number): Promise<void> {
  await deleteGuardsBefore(db, new Date(nowMs - lockOut.forgetAfterMs), MAX_ROWS);
  await deletePendingBefore(db, new Date(nowMs), MAX_ROWS);
  await deleteChallengesBefore(db, new Date(nowMs), MAX_ROWS);
  await deleteSessionsBefore(db, new Date(nowMs - KEEP_SESSIONS_MS), MAX_ROWS);
}
