import { z } from "zod";
import { eventType, resourceName } from "../domain/spec/step-parts.ts";
import { checkCron } from "./cron-times.ts";

const event = z.strictObject({ type: eventType, publisher: resourceName });

const schedule = z
  .strictObject({
    /** Five fields: minute, hour, day of month, month, day of week. `0 9 * * mon-fri`. */
    cron: z.string().max(200),
    /** IANA name. A time that the clock skips in spring comes at the end of the gap; one that it shows twice comes once. */
    timeZone: z.string().max(64).default("UTC"),
    /** What becomes of times that passed while nothing ran: none of them, the last, or each (at most 100). */
    missed: z.enum(["skip", "last", "all"]).default("last"),
  })
  .superRefine(({ cron, timeZone }, issues) => {
    const wrong = checkCron(cron, timeZone);
    if (wrong) issues.addIssue({ code: "custom", path: [wrong.field], message: wrong.message });
  });

const headerName = z.string().regex(/^[a-z0-9-]{1,64}$/, "expected a header's name in lower case, such as x-signature");

/** How a sender proves that a request is its own. Each covers the raw body, and where the scheme has one its time. */
const signature = z.discriminatedUnion("scheme", [
  /** standardwebhooks.com: `webhook-id`, `webhook-timestamp`, `webhook-signature`. */
  z.strictObject({ scheme: z.literal("standard") }),
  /** `x-hub-signature-256` over the body; the id is `x-github-delivery`. */
  z.strictObject({ scheme: z.literal("github") }),
  /** `stripe-signature: t=…,v1=…`; the id is the event's own. */
  z.strictObject({ scheme: z.literal("stripe") }),
  /** HMAC-SHA256 of the body in a header, as hex or base64, and an id in another or in the body. */
  z.strictObject({
    scheme: z.literal("hmac-sha256"),
    header: headerName.default("x-signature"),
    encoding: z.enum(["hex", "base64"]).default("hex"),
    /** Before the signature, for instance `sha256=`. */
    prefix: z.string().max(20).default(""),
    /** Header with the delivery's id; without it the body itself tells two deliveries apart. */
    idHeader: headerName.optional(),
  }),
]);

const webhook = z.strictObject({
  signature,
  /** Name of the secret, which the operator keeps: the file `<tenant>.<secret>`, one secret a line, any of which counts. */
  secret: resourceName,
  /** How old a signature's time may be, where the scheme has one. */
  toleranceS: z.int().min(10).max(3600).default(300),
});

/** What starts a workflow: an event of the bus, a time, or a signed HTTP request; exactly one of them. */
export const triggerSpec = z
  .strictObject({
    event: event.optional(),
    schedule: schedule.optional(),
    webhook: webhook.optional(),
    workflow: resourceName,
    /** Service account the runs act for. */
    runAs: resourceName,
    maxBytes: z.int().min(1).max(1_000_000).default(131_072),
    /** Mapping of the run's input over { id, source, type, subject, time, data }. */
    input: z.unknown().default("$.data"),
  })
  .superRefine((spec, issues) => {
    const given = [spec.event, spec.schedule, spec.webhook].filter((one) => one !== undefined);
    if (given.length === 1) return;
    const found = given.length === 0 ? "none of them" : `${given.length} of them`;
    issues.addIssue({
      code: "custom",
      path: ["event"],
      message: `a trigger has exactly one of event, schedule and webhook; this one has ${found}`,
    });
  });

export type TriggerSpec = z.infer<typeof triggerSpec>;
export type EventSource = z.infer<typeof event>;
export type ScheduleSpec = z.infer<typeof schedule>;
export type WebhookSpec = z.infer<typeof webhook>;
