import type { WorkMessage } from "@agentmesh/bus";
import { AppError, describeError } from "@agentmesh/errors";
import { type Claim, StepDispatched } from "@agentmesh/proto/orchestrator";
import type { Context } from "../context.ts";

// The orchestrator is away or busy: the message comes again by itself.
const CLAIM_RETRY_MS = 1_000;

/**
 * Claims what a batch of messages points to. A message is acknowledged once the orchestrator has decided, granted or
 * not: from there on the lease governs. When it did not answer the messages come again.
 */
export async function claimSteps(
  { peers, log }: Pick<Context, "peers" | "log">,
  worker: string,
  messages: readonly WorkMessage[],
): Promise<Claim[]> {
  const readable = messages.flatMap((message) => {
    const step = read(message);
    if (!step) log.error({ subject: message.subject }, "a work message that is none; dropped");
    return step ? [{ message, step }] : [];
  });
  if (readable.length === 0) return [];
  try {
    const { claims } = await peers.orchestrator.claimSteps({ worker, steps: readable.map(({ step }) => step) });
    for (const { message } of readable) message.ack();
    return claims;
  } catch (error) {
    const [first, second] = halvesOf(readable);
    // Inputs may be large: a reply that is too big for one message fits into two.
    if (error instanceof AppError && error.code === "RESOURCE_EXHAUSTED" && first.length > 0) {
      const claimed = await Promise.all([first, second].map((half) => claimSteps({ peers, log }, worker, half)));
      return claimed.flat();
    }
    log.warn({ messages: messages.length, reason: describeError(error) }, "steps not claimed; they come again");
    for (const { message } of readable) message.nak(CLAIM_RETRY_MS);
    return [];
  }
}

function read(message: WorkMessage): StepDispatched | undefined {
  try {
    return StepDispatched.decode(message.data);
  } catch {
    message.ack();
    return undefined;
  }
}

function halvesOf(readable: readonly { message: WorkMessage }[]): [WorkMessage[], WorkMessage[]] {
  const messages = readable.map(({ message }) => message);
  const middle = Math.floor(messages.length / 2);
  return [messages.slice(0, middle), messages.slice(middle)];
}
