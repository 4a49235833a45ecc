import { setTimeout as wait } from "node:timers/promises";
import { type Rejection, type Run, RunState } from "@agentmesh/proto/orchestrator";
import { readSince } from "./read-since.ts";
import type { Session } from "./session.ts";
import type { Ticket } from "./tickets.ts";

/** How the events of an invocation ended, by ticket id. */
export type Ends = {
  /** All runs of a ticket, with their steps; more than one is a defect. */
  readonly runs: ReadonlyMap<string, readonly Run[]>;
  readonly rejections: ReadonlyMap<string, readonly Rejection[]>;
};

const workflow = "triage";
const firstPauseMs = 250;
const maxPauseMs = 2_000;

/** Polls until every ticket has a run that ended or a rejection, or until the deadline; then reads the runs in full. */
export async function awaitOutcomes(
  session: Session,
  tickets: readonly Ticket[],
  since: Date,
  deadlineMs: number,
  progress: (line: string) => void,
): Promise<Ends> {
  const ids = new Set(tickets.map((ticket) => ticket.id));
  let ended = -1;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, maxPauseMs)) {
    const runs = byTicket(await listRuns(session, since), ticketOfRun, ids);
    const rejections = byTicket(await listRejections(session, since), ticketOfRejection, ids);
    const now = [...ids].filter((id) => rejections.has(id) || runs.get(id)?.every(hasEnded)).length;
    if (now !== ended) progress(`${now} of ${ids.size} tickets have ended`);
    ended = now;
    if (ended === ids.size || Date.now() + pauseMs > deadlineMs)
      return { runs: await inFull(session, runs), rejections };
    await wait(pauseMs);
  }
}

async function listRuns(session: Session, since: Date): Promise<Run[]> {
  return readSince(since, async (pageToken, pageSize) => {
    const reply = await session.call("list runs", (client) =>
      client.orchestrator.listRuns({ workflow, pageSize, pageToken }),
    );
    return { rows: reply.runs.map((row) => ({ row, at: row.createdAt })), next: reply.nextPageToken };
  });
}

async function listRejections(session: Session, since: Date): Promise<Rejection[]> {
  return readSince(since, async (pageToken, pageSize) => {
    const reply = await session.call("list rejections", (client) =>
      client.orchestrator.listRejections({ pageSize, pageToken }),
    );
    return { rows: reply.rejections.map((row) => ({ row, at: row.at })), next: reply.nextPageToken };
  });
}

async function inFull(session: Session, runs: ReadonlyMap<string, readonly Run[]>): Promise<Map<string, Run[]>> {
  const full = new Map<string, Run[]>();
  for (const [ticket, found] of runs) {
    const each = found.map((run) =>
      session.call(`get run ${run.id}`, (client) => client.orchestrator.getRun({ id: run.id })),
    );
    full.set(ticket, await Promise.all(each));
  }
  return full;
}

function byTicket<T>(rows: readonly T[], ticketOf: (row: T) => unknown, ids: ReadonlySet<string>): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const row of rows) {
    const id = ticketOf(row);
    if (typeof id === "string" && ids.has(id)) found.set(id, [...(found.get(id) ?? []), row]);
  }
  return found;
}

function ticketOfRun(run: Run): unknown {
  return run.input?.ticket_id;
}

/** The last token of the subject: what a rejected event holds cannot be read. */
function ticketOfRejection(rejection: Rejection): string | undefined {
  return rejection.subject.split(".").at(-1);
}

function hasEnded(run: Run): boolean {
  return run.state === RunState.SUCCEEDED || run.state === RunState.FAILED || run.state === RunState.CANCELLED;
}
