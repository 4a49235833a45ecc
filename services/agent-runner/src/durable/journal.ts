import { describeError } from "@agentmesh/errors";
import type { AgentRunEvent } from "@agentmesh/proto/runner";
import type { Logger } from "@agentmesh/telemetry";

export type RunEvent = NonNullable<AgentRunEvent["event"]>;

export type JournalPorts = {
  readonly runId: string;
  /** Of the last event that is stored already; 0 at the start of a run. */
  readonly lastSeq: number;
  readonly log: Logger;
  /** Stores events in their order. @throws when they are not stored; they are tried again */
  append(events: readonly AgentRunEvent[]): Promise<"stored" | "fenced">;
  /** Another replica has the run; nothing more is stored. */
  onFenced(): void;
};

/** The events of a run on their way to the database, in small batches. */
export type Journal = {
  emit(event: RunEvent): void;
  /** Ends it: what is not stored yet and then `last`, numbered, for the transaction that ends the run. */
  close(last: RunEvent | undefined): Promise<AgentRunEvent[]>;
};

/** Between two batches of text; what a reader waits for at most. */
const BATCH_MS = 50;
/** Text that leaves without waiting. */
const BATCH_BYTES = 2_048;
const RETRY_MS = 500;

/**
 * The first piece is stored at once; text that follows is joined for BATCH_MS or BATCH_BYTES, anything else ends the wait.
 * What waits while the database is away is bounded by the answer itself, for text is joined.
 */
export function openJournal(ports: JournalPorts): Journal {
  let pending: RunEvent[] = [];
  let pendingBytes = 0;
  let seq = ports.lastSeq;
  let unstored: AgentRunEvent[] = [];
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let wroteAtMs = 0;
  let isOver = false;

  function number(): AgentRunEvent[] {
    const numbered = pending.map((event): AgentRunEvent => {
      seq += 1;
      return { runId: ports.runId, seq, event };
    });
    pending = [];
    pendingBytes = 0;
    return numbered;
  }

  async function write(): Promise<void> {
    timer = undefined;
    unstored.push(...number());
    try {
      const outcome = await ports.append(unstored);
      unstored = [];
      wroteAtMs = performance.now();
      if (outcome === "fenced") fence();
      else schedule();
    } catch (error) {
      ports.log.warn({ runId: ports.runId, reason: describeError(error) }, "events not stored yet");
      wroteAtMs = performance.now();
      if (!isOver) timer = setTimeout(start, RETRY_MS);
    } finally {
      writing = undefined;
      if (!timer) schedule();
    }
  }

  function fence(): void {
    isOver = true;
    pending = [];
    ports.onFenced();
  }

  function start(): void {
    clearTimeout(timer);
    writing ??= write();
  }

  function schedule(): void {
    if (isOver || writing || timer || pending.length === 0) return;
    const isUrgent = pendingBytes >= BATCH_BYTES || pending.some((event) => event.$case !== "textDelta");
    const waitMs = isUrgent ? 0 : BATCH_MS - (performance.now() - wroteAtMs);
    if (waitMs <= 0) start();
    else timer = setTimeout(start, waitMs);
  }

  return {
    emit(event) {
      if (isOver) return;
      const last = pending.at(-1);
      if (event.$case === "textDelta") {
        pendingBytes += event.value.length;
        if (last?.$case === "textDelta") pending[pending.length - 1] = joined(last.value, event.value);
        else pending.push(event);
      } else pending.push(event);
      // What waits for its time is urgent now.
      if (timer && unstored.length === 0 && (pendingBytes >= BATCH_BYTES || event.$case !== "textDelta")) start();
      else schedule();
    },
    async close(last) {
      isOver = true;
      clearTimeout(timer);
      await writing;
      if (last) pending.push(last);
      return [...unstored, ...number()];
    },
  };
}

function joined(before: string, after: string): RunEvent {
  return { $case: "textDelta", value: before + after };
}
