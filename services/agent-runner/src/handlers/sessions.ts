import { AppError } from "@agentmesh/errors";
import { holdsScope } from "@agentmesh/identity";
import type {
  DeleteSessionReply,
  DeleteSessionRequest,
  EraseMemoryReply,
  EraseMemoryRequest,
  GetSessionRequest,
  ListSessionsReply,
  ListSessionsRequest,
  Session,
} from "@agentmesh/proto/runner";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { eraseFacts } from "../store/memory.ts";
import {
  deleteSession,
  listSessions,
  readSession,
  readTurns,
  type SessionKey,
  type SessionRow,
} from "../store/sessions.ts";

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;
const MAX_SKIP = 10_000;

export async function listSessionsOf(
  { db }: Context,
  request: ListSessionsRequest,
  call: Call,
): Promise<DeepPartial<ListSessionsReply>> {
  const { tenant, subject } = requirePrincipal(call);
  const skip = request.pageToken === "" ? 0 : Number(request.pageToken);
  if (!Number.isInteger(skip) || skip < 0 || skip > MAX_SKIP) {
    throw new AppError("INVALID_ARGUMENT", "page_token is not one that a list answered", { field: "page_token" });
  }
  const limit = Math.min(request.pageSize || DEFAULT_PAGE, MAX_PAGE);
  const rows = await listSessions(db, { tenant, agent: request.agent, subject, skip, limit });
  return {
    sessions: rows.map((row) => describe(row)),
    nextPageToken: rows.length === limit ? String(skip + limit) : "",
  };
}

export async function getSession(
  { db }: Context,
  request: GetSessionRequest,
  call: Call,
): Promise<DeepPartial<Session>> {
  for (const key of keysOf(request, call)) {
    const row = await readSession(db, key);
    if (!row) continue;
    const turns = await readTurns(db, key);
    return { ...describe(row), recent: turns.map(({ run_id: runId, ...turn }) => ({ ...turn, runId })) };
  }
  throw new AppError("NOT_FOUND", `agent ${request.agent} has no session ${JSON.stringify(request.session)} of yours`, {
    reason: "SESSION_NOT_FOUND",
    field: "session",
  });
}

// A shared session is the agent's: who may change the agent may erase it.
const SHARED_PERMISSION = "agent:update";

/** @throws AppError CONFLICT (SESSION_BUSY) while a run is under way in it */
export async function deleteSessionOf(
  { db }: Context,
  request: DeleteSessionRequest,
  call: Call,
): Promise<DeepPartial<DeleteSessionReply>> {
  for (const key of keysOf(request, call)) {
    const { permissions } = requirePrincipal(call);
    if (key.subject === "" && !holdsScope(permissions, SHARED_PERMISSION, `agent/${key.agent}`)) continue;
    const outcome = await db.transaction((tx) => deleteSession(tx, key));
    if (outcome === "deleted") return { deleted: true };
    if (outcome === "busy") {
      throw new AppError(
        "CONFLICT",
        `a run is under way in session ${request.session}; cancel it or wait for its end`,
        {
          reason: "SESSION_BUSY",
          field: "session",
        },
      );
    }
  }
  return { deleted: false };
}

export async function eraseMemory(
  { db }: Context,
  { agent }: EraseMemoryRequest,
  call: Call,
): Promise<DeepPartial<EraseMemoryReply>> {
  const { tenant, subject } = requirePrincipal(call);
  return { facts: await eraseFacts(db, { tenant, subject, agent }) };
}

/** The caller's own session comes before a shared one of the same name. */
function keysOf({ agent, session }: { agent: string; session: string }, call: Call): SessionKey[] {
  const { tenant, subject } = requirePrincipal(call);
  return [subject, ""].map((owner) => ({ tenant, agent, session, subject: owner }));
}

function describe({ created_at: createdAt, updated_at: updatedAt, ...row }: SessionRow): DeepPartial<Session> {
  return { ...row, createdAt, updatedAt };
}
