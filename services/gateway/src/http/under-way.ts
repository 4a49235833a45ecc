import { setTimeout as delay } from "node:timers/promises";

/** The calls of a server, for a shutdown to end. */
export type UnderWay = {
  /** Whether a shutdown has begun: responses then end their connections. */
  readonly isDraining: boolean;
  /** A request has come. */
  came(): void;
  /** @param isResumable whether its reader can go on at another replica. What it answers forgets the call. */
  add(end: () => void, isResumable: boolean): () => void;
  /** Ends what can go on elsewhere, and resolves when whoever keeps a connection has been told to leave it. */
  drain(): Promise<void>;
  /** Ends what is left. */
  endAll(): void;
};

// Clients on kept connections send their next request before they can know; with its answer they are told to leave.
const QUIET_MS = 200;
const MAX_NOTICE_MS = 1_000;

export function createUnderWay(): UnderWay {
  const resumable = new Set<() => void>();
  const others = new Set<() => void>();
  let isDraining = false;
  let cameAtMs = 0;
  return {
    get isDraining() {
      return isDraining;
    },
    came() {
      cameAtMs = performance.now();
    },
    add(end, isResumable) {
      const calls = isResumable ? resumable : others;
      calls.add(end);
      if (isDraining && isResumable) end();
      return () => calls.delete(end);
    },
    async drain() {
      isDraining = true;
      for (const end of resumable) end();
      const untilMs = performance.now() + MAX_NOTICE_MS;
      while (performance.now() < Math.min(untilMs, cameAtMs + QUIET_MS)) await delay(QUIET_MS / 4);
    },
    endAll() {
      for (const end of [...resumable, ...others]) end();
    },
  };
}
