import { AppError } from "@agentmesh/errors";
import { createInbox, headers, type Msg, type NatsConnection } from "@nats-io/transport-node";

/** Where JetStream stored a message. A duplicate has the place of the first. */
export type Stored = { readonly seq: number };

/**
 * Publishes a message to JetStream and resolves when the server has stored it.
 *
 * @param messageId the server drops a repeat within its dedupe window
 * @throws AppError UNAVAILABLE (NOT_STORED) when it was refused or not acknowledged within 5 s
 */
export type Publish = (
  subject: string,
  body: Uint8Array,
  options: { readonly messageId: string; readonly headers?: Readonly<Record<string, string>> },
) => Promise<Stored>;

type Waiting = {
  readonly subject: string;
  readonly dueMs: number;
  readonly resolve: (stored: Stored) => void;
  readonly reject: (error: AppError) => void;
};

const ACK_WITHIN_MS = 5_000;
const CHECK_EVERY_MS = 100;

/**
 * One subscription takes the acknowledgements of all messages. A request of its own for each, as the client library
 * makes it, costs a timer, an error object and a promise race: more CPU than sending the message.
 */
export function openPublisher(nc: NatsConnection): Disposable & { readonly publish: Publish } {
  const inbox = createInbox();
  // In order of their due time, because all wait equally long.
  const waiting = new Map<string, Waiting>();
  let next = 0;
  const answers = nc.subscribe(`${inbox}.*`, {
    callback(error, message) {
      if (error) return;
      const token = message.subject.slice(inbox.length + 1);
      const one = waiting.get(token);
      if (!one) return;
      waiting.delete(token);
      const answer = readAnswer(message);
      if (typeof answer === "number") one.resolve({ seq: answer });
      else one.reject(notStored(one.subject, answer));
    },
  });
  const timer = setInterval(() => {
    const nowMs = Date.now();
    for (const [token, one] of waiting) {
      if (one.dueMs > nowMs) return;
      waiting.delete(token);
      one.reject(notStored(one.subject, `no acknowledgement within ${ACK_WITHIN_MS} ms`));
    }
  }, CHECK_EVERY_MS);
  timer.unref();

  return {
    publish(subject, body, { messageId, headers: given = {} }) {
      const { promise, resolve, reject } = Promise.withResolvers<Stored>();
      const token = (next++).toString(36);
      const carried = headers();
      for (const [name, value] of Object.entries(given)) carried.set(name, value);
      carried.set("Nats-Msg-Id", messageId);
      try {
        nc.publish(subject, body, { reply: `${inbox}.${token}`, headers: carried });
        waiting.set(token, { subject, dueMs: Date.now() + ACK_WITHIN_MS, resolve, reject });
      } catch (error) {
        reject(notStored(subject, error instanceof Error ? error.message : String(error)));
      }
      return promise;
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      answers.unsubscribe();
      for (const one of waiting.values()) one.reject(notStored(one.subject, "the connection is closing"));
      waiting.clear();
    },
  };
}

/** The sequence, or why there is none. Nobody there to answer is a status in the headers. */
function readAnswer(message: Msg): number | string {
  if (message.headers?.code) return `${message.headers.code} ${message.headers.description || "no stream takes it"}`;
  const answer = message.json<{ seq?: number; error?: { description?: string } }>();
  return answer.error ? (answer.error.description ?? "refused") : (answer.seq ?? "no sequence in the answer");
}

function notStored(subject: string, why: string): AppError {
  return new AppError("UNAVAILABLE", `JetStream did not store a message on ${subject}: ${why}`, {
    reason: "NOT_STORED",
    retryAfterMs: 500,
  });
}
