import { fileURLToPath } from "node:url";
import { newId } from "@agentmesh/ids";
import { awaitOutcomes } from "./await-outcomes.ts";
import { checkLedger } from "./check-ledger.ts";
import { judge } from "./judge.ts";
import { publishTickets } from "./publish.ts";
import { type Report, totalsOf } from "./report.ts";
import { reportJson, reportLines } from "./report-text.ts";
import { type Edge, openSession, type Session } from "./session.ts";
import { readTickets, ticketsToSend } from "./tickets.ts";

export type { Edge } from "./session.ts";

export type OnceOptions = Edge & {
  readonly httpUrl: string;
  /** NATS as the publisher: nats://user:password@host:port */
  readonly publisherUrl: string;
  /** One JSON object on standard output instead of a table. */
  readonly json: boolean;
  /** How many tickets to send; more than there are starts over with fresh ids. Default: each of them once. */
  readonly tickets: number | undefined;
};

/** Waiting for all tickets ends after this, and 1 s more for each of them. */
const awaitBaseMs = 120_000;
const awaitPerTicketMs = 1_000;

/** Applies resources.yaml. Repeatable: what has not changed keeps its version. */
export async function applyExample(edge: Edge): Promise<void> {
  await using session = await openSession(edge);
  await apply(session);
}

/**
 * Applies the example, publishes its tickets under fresh ids, follows each to its end, checks it against what is
 * expected, and prints the outcome. Answers 0 only if every ticket ended as it should, each model call has exactly one
 * row in the ledger, and the audit trail verifies.
 */
export async function runOnce(options: OnceOptions): Promise<number> {
  const started = new Date();
  await using session = await openSession(options);
  await apply(session);
  const nonce = newId().slice(-8);
  const tickets = ticketsToSend(await readTickets(), options.tickets, nonce);
  progress(`publishing ${tickets.length} tickets`);
  await publishTickets(options.publisherUrl, tickets, started);
  const deadlineMs = Date.now() + awaitBaseMs + awaitPerTicketMs * tickets.length;
  const ends = await awaitOutcomes(session, tickets, started, deadlineMs, progress);
  const outcomes = tickets.map((ticket) => judge(ticket, ends));
  const ledger = await checkLedger(session, started);
  const audit = await session.call("verify the audit trail", (client) => client.compliance.verifyAudit({}));
  const report: Report = {
    ok: outcomes.every((outcome) => outcome.problems.length === 0) && ledger.problems.length === 0 && audit.verified,
    outcomes,
    ledger,
    audit,
    totals: totalsOf(outcomes, ledger, Date.now() - started.getTime()),
  };
  process.stdout.write(options.json ? `${reportJson(report)}\n` : `${reportLines(report).join("\n")}\n`);
  return report.ok ? 0 : 1;
}

async function apply(session: Session): Promise<void> {
  const file = fileURLToPath(new URL("resources.yaml", import.meta.url));
  await session.call("apply resources.yaml", (client) => client.applyFile(file, {}));
}

/** Standard output is for the outcome alone. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
