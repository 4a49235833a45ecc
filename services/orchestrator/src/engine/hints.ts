import type { Bus } from "@agentmesh/bus";

/** Tells watchers, at whichever replica they are, that runs moved. Lost hints are made up for by looking now and then. */
export type Hints = Disposable & {
  tell(runs: readonly string[]): void;
  /** How many watch here. */
  readonly watched: number;
  watch(run: string, onMove: () => void): Disposable;
};

const SUBJECT = "hint.runs";
const ID_CHARS = 36;
// A message of the server takes a mebibyte.
const MAX_TOLD = 10_000;

/** One message a commit and one subscription a replica: there are many more runs than watchers. */
export function openHints({ nc }: Bus): Hints {
  const watchers = new Map<string, Set<() => void>>();
  let watched = 0;
  const subscription = nc.subscribe(SUBJECT, {
    callback(error, message) {
      if (error || watchers.size === 0) return;
      const ids = message.string();
      for (let at = 0; at < ids.length; at += ID_CHARS) {
        for (const onMove of watchers.get(ids.slice(at, at + ID_CHARS)) ?? []) onMove();
      }
    },
  });
  return {
    tell(runs) {
      for (let at = 0; at < runs.length; at += MAX_TOLD) nc.publish(SUBJECT, runs.slice(at, at + MAX_TOLD).join(""));
    },
    get watched() {
      return watched;
    },
    watch(run, onMove) {
      const all = watchers.get(run) ?? new Set();
      watchers.set(run, all.add(onMove));
      watched += 1;
      return {
        [Symbol.dispose]() {
          watched -= 1;
          all.delete(onMove);
          if (all.size === 0) watchers.delete(run);
        },
      };
    },
    [Symbol.dispose]: () => subscription.unsubscribe(),
  };
}
