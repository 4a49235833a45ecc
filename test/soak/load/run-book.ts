import { type AgentRun, AgentRun_State } from "@agentmesh/proto/runner";

/** Runs that somebody was told of, until they are found in the store. */
export type RunBook = {
  /** A run that is under way. */
  began(id: string): void;
  /** A run as it ended. @throws Error when it is in another state than it should be */
  ended(run: AgentRun | undefined, wanted?: readonly AgentRun_State[]): void;
  /** Ids of those that are not yet found, the oldest first. */
  missing(): readonly string[];
  found(ids: readonly string[]): void;
  /** All that were told of so far. */
  readonly known: number;
  /** Ended runs by where their answer came from. */
  readonly byCache: ReadonlyMap<string, number>;
};

export function openRunBook(): RunBook {
  const told = new Set<string>();
  const open = new Set<string>();
  const byCache = new Map<string, number>();

  function began(id: string): void {
    // A run may be found in the store before its end has come to who asked for it.
    if (id === "" || told.has(id)) return;
    told.add(id);
    open.add(id);
  }

  return {
    began,
    ended(run, wanted = [AgentRun_State.SUCCEEDED]) {
      if (run === undefined) throw new Error("the reply has no run");
      began(run.id);
      byCache.set(run.cache, (byCache.get(run.cache) ?? 0) + 1);
      if (!wanted.includes(run.state)) {
        throw new Error(`${run.state} ${run.failure?.code ?? ""}: ${run.failure?.message ?? ""}`);
      }
    },
    missing: () => [...open],
    found(ids) {
      for (const id of ids) open.delete(id);
    },
    get known() {
      return told.size;
    },
    byCache,
  };
}
