import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { newId } from "@agentmesh/ids";
import type { VerifyAuditReply } from "@agentmesh/proto/compliance";
import { awaitOutcomes } from "./await-outcomes.ts";
import { checkLedger } from "./check-ledger.ts";
import { judge } from "./judge.ts";
import { publishTickets } from "./publish.ts";
import { type Report, totalsOf } from "./report.ts";
import { type Edge, openSession, type Session } from "./session.ts";
import { readTickets, type Ticket, ticketsToSend } from "./tickets.ts";

export type JobOptions = Edge & {
  /** NATS as the publisher: nats://user:password@host:port */
  readonly publisherUrl: string;
  /** How many tickets to send; more than there are starts over with fresh ids. Default: each of them once. */
  readonly tickets?: number | undefined;
  /** Gets a line now and then. */
  readonly progress: (line: string) => void;
  /** How to send them; default: all at once. For whoever wants them spread over time. */
  readonly publish?: (tickets: readonly Ticket[], send: (some: readonly Ticket[]) => Promise<void>) => Promise<void>;
};

/** Waiting for all tickets ends after this, and 1 s more for each of them. */
const awaitBaseMs = 120_000;
const awaitPerTicketMs = 1_000;
const signedWithinMs = 20_000;

/**
 * Applies the example, publishes its tickets under fresh ids, follows each to its end, checks it against what is
 * expected, the ledger against the model calls, and verifies the audit trail.
 */
export async function runJob(options: JobOptions): Promise<Report> {
  const { progress, publish = (tickets, send) => send(tickets) } = options;
  const started = new Date();
  await using session = await openSession(options);
  await applyResources(session);
  const tickets = ticketsToSend(await readTickets(), options.tickets, newId().slice(-8));
  progress(`publishing ${tickets.length} tickets`);
  await publish(tickets, (some) => publishTickets(options.publisherUrl, some, started));
  const deadlineMs = Date.now() + awaitBaseMs + awaitPerTicketMs * tickets.length;
  const ends = await awaitOutcomes(session, tickets, started, deadlineMs, progress);
  const outcomes = tickets.map((ticket) => judge(ticket, ends));
  const ledger = await checkLedger(session, started);
  const audit = await verifySigned(session);
  return {
    ok:
      outcomes.every((outcome) => outcome.problems.length === 0) &&
      ledger.problems.length === 0 &&
      audit.verified &&
      audit.checkpoints > 0,
    outcomes,
    ledger,
    audit,
    totals: totalsOf(outcomes, ledger, Date.now() - started.getTime()),
  };
}

/** Verified against nothing says nothing: waits for the first signed checkpoint, which comes within seconds. */
async function verifySigned(session: Session): Promise<VerifyAuditReply> {
  const untilMs = Date.now() + signedWithinMs;
  for (;;) {
    const audit = await session.call("verify the audit trail", (client) => client.compliance.verifyAudit({}));
    if (audit.checkpoints > 0 || Date.now() > untilMs) return audit;
    await wait(500);
  }
}

/** Repeatable: what has not changed keeps its version. */
export async function applyResources(session: Session): Promise<void> {
  const file = fileURLToPath(new URL("resources.yaml", import.meta.url));
  await session.call("apply resources.yaml", (client) => client.applyFile(file, {}));
}
