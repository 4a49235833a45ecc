import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { z } from "zod";

const oneOrMore = z.union([z.string(), z.array(z.string()).min(1)]).transform((value) => [value].flat());

const expectation = z.strictObject({
  outcome: z.enum(["triaged", "rejected", "duplicate"]),
  status: oneOrMore.optional(),
  category: oneOrMore.optional(),
  priority: oneOrMore.optional(),
  /** Why it was rejected. */
  code: z.string().optional(),
  /** Texts that must be nowhere in what is stored of the run. */
  hides: z.array(z.string()).default([]),
  /** Texts that must not be in the answer. */
  never_answers: z.array(z.string()).default([]),
});

const entry = z.union([
  z.strictObject({ same_as: z.string(), expect: expectation }),
  z.strictObject({
    event_id: z.string(),
    raw: z.strictObject({ key: z.string(), body: z.string(), headers: z.record(z.string(), z.string()).optional() }),
    expect: expectation,
  }),
  z.strictObject({
    event_id: z.string(),
    data: z
      .looseObject({
        ticket_id: z.string(),
        bodyRepeat: z.strictObject({ text: z.string().min(1), bytes: z.int().min(1) }).optional(),
      })
      .readonly(),
    expect: expectation,
  }),
]);

export type Expectation = z.infer<typeof expectation>;
export type TicketEntry = z.infer<typeof entry>;

/** A ticket as it is published, its ids made fresh. */
export type Ticket = {
  /** The ticket's id, and the last token of the event's subject. */
  readonly id: string;
  readonly eventId: string;
  readonly body: string;
  /** `undefined`: the attributes of a CloudEvent. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** An event that was sent before. */
  readonly repeat: boolean;
  readonly expect: Expectation;
};

/** The shipped tickets. Throws what is wrong with the file. */
export async function readTickets(): Promise<TicketEntry[]> {
  const text = await readFile(new URL("tickets.yaml", import.meta.url), "utf8");
  return z.array(entry).min(1).parse(parse(text));
}

/** `count` tickets, going round the entries as often as needed; every round has ids of its own. */
export function ticketsToSend(entries: readonly TicketEntry[], count = entries.length, nonce: string): Ticket[] {
  return Array.from({ length: count }, (_, index) => {
    const round = Math.floor(index / entries.length);
    const one = entries[index % entries.length];
    if (!one) throw new Error("tickets.yaml has no tickets");
    return ticketOf(one, entries, `${nonce}-${round}`);
  });
}

function ticketOf(one: TicketEntry, entries: readonly TicketEntry[], suffix: string): Ticket {
  if ("same_as" in one) {
    const original = entries.find((other) => "event_id" in other && other.event_id === one.same_as);
    if (!original) throw new Error(`tickets.yaml: same_as ${one.same_as} is the event_id of no ticket`);
    return { ...ticketOf(original, entries, suffix), repeat: true, expect: one.expect };
  }
  const eventId = `${one.event_id}-${suffix}`;
  if ("raw" in one) {
    const { key, body, headers } = one.raw;
    return { id: `${key}-${suffix}`, eventId, body, headers, repeat: false, expect: one.expect };
  }
  const { bodyRepeat, ...data } = one.data;
  const id = `${data.ticket_id}-${suffix}`;
  const filled = bodyRepeat ? { body: repeated(bodyRepeat.text, bodyRepeat.bytes) } : {};
  const body = JSON.stringify({ ...data, ...filled, ticket_id: id });
  return { id, eventId, body, headers: undefined, repeat: false, expect: one.expect };
}

function repeated(text: string, bytes: number): string {
  return text.repeat(Math.ceil(bytes / Buffer.byteLength(text))).slice(0, bytes);
}
