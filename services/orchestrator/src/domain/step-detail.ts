/** Progress of a map or gather, kept in its head. */
export type Counts = {
  readonly total: number;
  readonly ok: number;
  readonly failed: number;
  /** Released and not settled. */
  readonly open: number;
  /** The next shard that was never released; the first is 1. */
  readonly next: number;
  /** JSON bytes of the outputs so far; not counted further once they are too many to be kept together. */
  readonly bytes?: number;
  /** Tree reduce: which level is made, 1 from the members. */
  readonly level?: number;
  /** Tree reduce: the shard before the first of this level. */
  readonly base?: number;
  /** Started again, so rows of shards may exist: those that succeeded are counted (`failed`) or repeated (`all`). */
  readonly again?: "failed" | "all";
};

export type ShardFailure = { readonly index: number; readonly code: string; readonly message: string };

/** What only some kinds of step have to remember; a small JSON value. */
export type StepDetail = {
  /** Name of the agent, tool or workflow, where the definition gives a path to it. */
  readonly target?: string;
  readonly gate?: "passed" | "failed";
  /** Id of the child run. */
  readonly child?: string;
  readonly counts?: Counts;
  /** The first of a map's. */
  readonly failures?: readonly ShardFailure[];
  /** Of what is to be approved. */
  readonly argsHash?: string;
  /** When an approval or a wait for an event is over. */
  readonly expiresAtMs?: number;
  /** How many escalations of an approval have happened. */
  readonly escalated?: number;
  readonly firesAtMs?: number;
  /** What an awaited event must carry. */
  readonly key?: string;
  /** Why a step is in doubt. */
  readonly reason?: string;
  /** The case that a branch took. */
  readonly chosen?: string;
  /** Skipped, for a branch took another case. */
  readonly notTaken?: true;
  /** Cancelled, for a gather was certain without it. */
  readonly notNeeded?: true;
  /** No longer needed, but it may act and could be undone: its end is awaited, and it is not tried again. */
  readonly stopping?: true;
  /** An attempt ended without saying that it did not act: undone like one that did. */
  readonly uncertain?: true;
  /** Attempts that do not count: before a person let the step start again, or handed back by their workers. */
  readonly before?: number;
};
