import { type Bus, subjectToken } from "@agentmesh/bus";
import type { AgentRunEvent } from "@agentmesh/proto/runner";

/** Tells readers of runs that there is something new: in this process with the events, in others by a hint. */
export type RunHub = AsyncDisposable & {
  /** After the events are stored. */
  publish(tenant: string, runId: string, events: readonly AgentRunEvent[]): void;
  listen(tenant: string, runId: string): Listener;
  /** Asks whichever replica runs it to look at the run's row now. */
  nudge(runId: string): void;
};

export type Listener = Disposable & {
  /** Stored events that follow `afterSeq` without a gap, where this process has them; none: read them. */
  take(afterSeq: number): readonly AgentRunEvent[];
  /** Resolves on news, after `timeoutMs`, or when the signal aborts. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<"news" | "timeout">;
};

// A reader that is further behind reads from the database.
const MAX_KEPT = 256;
const NUDGES = "hint.agent-run-nudge";

export function openRunHub(bus: Bus, onNudge: (runId: string) => void): RunHub {
  const local = new Map<string, Set<(events: readonly AgentRunEvent[]) => void>>();
  const nudges = bus.nc.subscribe(NUDGES, {
    callback: (error, message) => {
      if (!error) onNudge(message.string());
    },
  });

  function publish(tenant: string, runId: string, events: readonly AgentRunEvent[]): void {
    for (const hear of local.get(runId) ?? []) hear(events);
    // A hint that is lost costs a reader elsewhere one poll.
    if (!bus.nc.isClosed()) bus.nc.publish(subjectOf(tenant, runId), String(events.at(-1)?.seq ?? 0));
  }

  function listen(tenant: string, runId: string): Listener {
    let kept: AgentRunEvent[] = [];
    let heardSeq = 0;
    let news = Promise.withResolvers<"news" | "timeout">();
    function hear(events: readonly AgentRunEvent[]): void {
      kept.push(...events);
      heardSeq = events.at(-1)?.seq ?? heardSeq;
      if (kept.length > MAX_KEPT) kept = [];
      news.resolve("news");
    }
    const listeners = local.get(runId) ?? new Set();
    local.set(runId, listeners.add(hear));
    const hints = bus.nc.subscribe(subjectOf(tenant, runId), {
      callback: (_, message) => {
        // The echo of what this process published tells nothing new.
        if (Number(message.string()) > heardSeq) news.resolve("news");
      },
    });
    return {
      take(afterSeq) {
        const next = kept.filter((event) => event.seq > afterSeq);
        kept = [];
        return next[0]?.seq === afterSeq + 1 ? next : [];
      },
      async wait(timeoutMs, signal) {
        const timer = setTimeout(() => news.resolve("timeout"), timeoutMs);
        const wake = () => news.resolve("news");
        signal.addEventListener("abort", wake, { once: true });
        const heard = signal.aborted ? "news" : await news.promise;
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        news = Promise.withResolvers<"news" | "timeout">();
        return heard;
      },
      [Symbol.dispose]() {
        hints.unsubscribe();
        listeners.delete(hear);
        if (listeners.size === 0) local.delete(runId);
      },
    };
  }

  return {
    publish,
    listen,
    nudge(runId) {
      if (!bus.nc.isClosed()) bus.nc.publish(NUDGES, runId);
    },
    async [Symbol.asyncDispose]() {
      nudges.unsubscribe();
    },
  };
}

function subjectOf(tenant: string, runId: string): string {
  return `hint.agent-run.${subjectToken(tenant)}.${runId}`;
}
