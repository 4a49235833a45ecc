import { type Bus, subjectToken } from "@agentmesh/bus";
import { StepDispatched } from "@agentmesh/proto/orchestrator";
import { createInbox, headers, type Msg } from "@nats-io/transport-node";

/** An address on its way to the work queue. */
export type Address = {
  readonly tenant: string;
  readonly runId: string;
  readonly node: string;
  readonly shard: number;
  readonly epoch: number;
  /** Sent before; a new message id, or the server would drop it as a duplicate. */
  readonly again: boolean;
};

export type StepSender = AsyncDisposable & {
  send(addresses: readonly Address[]): void;
};

type Pending = { readonly address: Address; readonly id: string; tries: number; dueMs: number };

const MAX_TRIES = 4;
const MAX_PENDING = 20_000;
const ANSWER_WITHIN_MS = 5_000;
const CHECK_EVERY_MS = 100;
const DRAIN_MS = 1_000;

/**
 * Publishes addresses to JetStream and sends again what the server refused or did not acknowledge. One subscription
 * takes all acknowledgements: a request for each message costs as much CPU as all the rest of sending it. What is given
 * up here is found by the sweep.
 */
export function openStepSender(bus: Bus): StepSender {
  const inbox = createInbox();
  const pending = new Map<string, Pending>();
  let next = 0;
  const answers = bus.nc.subscribe(`${inbox}.*`, {
    callback(_error, message) {
      const token = message.subject.slice(inbox.length + 1);
      const waiting = pending.get(token);
      if (!waiting) return;
      if (isAccepted(message)) pending.delete(token);
      else waiting.dueMs = Date.now() + CHECK_EVERY_MS * 2 ** waiting.tries;
    },
  });

  function publish(token: string, waiting: Pending): void {
    const { tenant, runId, node, shard, epoch } = waiting.address;
    const carried = headers();
    carried.set("Nats-Msg-Id", waiting.id);
    const body = StepDispatched.encode({ runId, node, shard, epoch }).finish();
    bus.nc.publish(`wf.step.${subjectToken(tenant)}`, body, { reply: `${inbox}.${token}`, headers: carried });
  }

  async function sendAgain(): Promise<void> {
    const nowMs = Date.now();
    const due = [...pending].filter(([, waiting]) => waiting.dueMs <= nowMs);
    if (due.length === 0 || bus.nc.isClosed()) return;
    await bus.ensureStreams().catch(() => undefined);
    for (const [token, waiting] of due) {
      waiting.tries += 1;
      waiting.dueMs = nowMs + ANSWER_WITHIN_MS;
      if (waiting.tries <= MAX_TRIES) publish(token, waiting);
      else if (pending.delete(token)) bus.log.warn({ step: waiting.id }, "step not sent; the sweep sends it again");
    }
  }

  let checking: Promise<void> | undefined;
  const timer = setInterval(() => {
    checking ??= sendAgain().finally(() => {
      checking = undefined;
    });
  }, CHECK_EVERY_MS);

  return {
    send(addresses) {
      for (const address of addresses) {
        if (pending.size >= MAX_PENDING || bus.nc.isClosed()) return;
        const token = String(next++);
        const waiting = { address, id: messageId(address), tries: 1, dueMs: Date.now() + ANSWER_WITHIN_MS };
        pending.set(token, waiting);
        publish(token, waiting);
      }
    },
    async [Symbol.asyncDispose]() {
      const untilMs = Date.now() + DRAIN_MS;
      while (pending.size > 0 && Date.now() < untilMs && bus.connected) await bus.nc.flush().catch(() => undefined);
      clearInterval(timer);
      await checking;
      answers.unsubscribe();
    },
  };
}

function messageId({ runId, node, shard, epoch, again }: Address): string {
  const id = `${runId}:${node}:${shard}:${epoch}`;
  return again ? `${id}:${Date.now()}` : id;
}

/** JetStream answers `{"stream":…,"seq":…}`, or an error; nobody there is a status in the headers. */
function isAccepted(message: Msg): boolean {
  return !message.headers?.code && !message.string().includes('"error"');
}
