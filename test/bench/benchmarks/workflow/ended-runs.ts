import { WorkflowEnded } from "@agentmesh/proto/orchestrator";
import type { NatsConnection } from "@nats-io/transport-node";

/** Which runs have ended, by the mesh's own events. */
export type EndedRuns = Disposable & {
  /** Resolves when all of them ended, with how many of them not by success. */
  all(ids: ReadonlySet<string>, withinMs: number): Promise<{ unsuccessful: number }>;
};

export function watchEndedRuns(nc: NatsConnection): EndedRuns {
  const states = new Map<string, string>();
  let onEnded = () => {};
  const subscription = nc.subscribe("evt.*.orchestrator.workflow.ended.>", {
    callback(error, message) {
      if (error) return;
      const first = WorkflowEnded.decode(message.data);
      for (const { runId, state } of [first, ...first.more]) states.set(runId, state);
      onEnded();
    },
  });
  return {
    async all(ids, withinMs) {
      let open = [...ids].filter((id) => !states.has(id)).length;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(() => {
        const left = [...ids].filter((id) => !states.has(id));
        reject(new Error(`${left.length} of ${ids.size} runs did not end within ${withinMs} ms, one is ${left[0]}`));
      }, withinMs);
      let seen = states.size;
      onEnded = () => {
        // Only runs of this benchmark end here, each once: counting is enough until it may be all.
        open -= states.size - seen;
        seen = states.size;
        if (open <= 0) resolve();
      };
      if (open === 0) resolve();
      try {
        await promise;
      } finally {
        clearTimeout(timer);
        onEnded = () => {};
      }
      const unsuccessful = [...ids].filter((id) => states.get(id) !== "RUN_STATE_SUCCEEDED").length;
      for (const id of ids) states.delete(id);
      return { unsuccessful };
    },
    [Symbol.dispose]: () => subscription.unsubscribe(),
  };
}
