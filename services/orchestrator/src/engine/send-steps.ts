import { type Bus, subjectToken } from "@agentmesh/bus";
import { describeError } from "@agentmesh/errors";
import { StepDispatched } from "@agentmesh/proto/orchestrator";

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
  /** Not awaited: what does not arrive is found by the sweep. */
  send(addresses: readonly Address[]): void;
};

const MAX_TRIES = 4;
const MAX_PENDING = 20_000;
const RETRY_MS = 200;

/** Publishes addresses to JetStream, and again what the server refused or did not acknowledge. */
export function openStepSender(bus: Bus): StepSender {
  const pending = new Set<Promise<void>>();

  async function deliver(address: Address): Promise<void> {
    const { tenant, runId, node, shard, epoch } = address;
    const body = StepDispatched.encode({ runId, node, shard, epoch }).finish();
    const messageId = messageIdOf(address);
    for (let tries = 1; ; tries++) {
      try {
        await bus.publish(`wf.step.${subjectToken(tenant)}`, body, { messageId });
        return;
      } catch (error) {
        if (tries >= MAX_TRIES || bus.nc.isClosed()) {
          bus.log.warn({ step: messageId, reason: describeError(error) }, "step not sent; the sweep sends it again");
          return;
        }
        await bus.ensureStreams().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS * 2 ** tries));
      }
    }
  }

  return {
    send(addresses) {
      for (const address of addresses) {
        if (pending.size >= MAX_PENDING || bus.nc.isClosed()) return;
        const delivery = deliver(address).finally(() => pending.delete(delivery));
        pending.add(delivery);
      }
    },
    async [Symbol.asyncDispose]() {
      // Without a server there is nothing to wait for.
      if (bus.connected) await Promise.all(pending);
    },
  };
}

function messageIdOf({ runId, node, shard, epoch, again }: Address): string {
  const id = `${runId}:${node}:${shard}:${epoch}`;
  return again ? `${id}:${Date.now()}` : id;
}
