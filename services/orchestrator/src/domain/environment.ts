/** What `advance` may not find out by itself. */
export type Environment = {
  /** The database's clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** 0..1, for jitter. */
  readonly random: () => number;
  /** How many steps may be dispatched at once; what is over it waits in the backlog. */
  readonly credit: number;
  readonly limits: Limits;
  /** A worker that just did steps of this run and takes what comes next, without the queue. Default: nobody. */
  readonly offer?: Offer | undefined;
  /** Ids of child runs. */
  readonly newId: () => string;
  /** The stored input of a step, by its key; undefined: not loaded. Default: none is. */
  readonly stepInput?: ((key: string) => { readonly value: unknown } | undefined) | undefined;
  /**
   * How many runs the maps above this run have side by side: the product of the lengths of their lists; undefined: not
   * loaded. Default: one.
   */
  readonly nested?: (() => number | undefined) | undefined;
  /** What was loaded of a run that is loaded lightly. Default: all of it is in the run. */
  readonly data?: Loaded | undefined;
  /** How long a step usually takes; undefined: nobody knows. Default: nobody knows. */
  readonly expectedMs?: ((node: string) => number | undefined) | undefined;
  /** What a router knows of a candidate. Default: no load, a perfect past. */
  readonly standing?: ((work: Work) => Standing | undefined) | undefined;
  /** Whether there is such an agent, tool or workflow; undefined: nobody knows. Asked for names that a path gave. */
  readonly exists?: ((work: Work) => boolean | undefined) | undefined;
};

/** Places that a worker has free, from now on. */
export type Offer = { readonly worker: string; readonly places: number };

/** Who does the work of a step. The workflow of a team is named `team:<name>`. */
export type Work = { readonly kind: "agent" | "tool" | "workflow"; readonly name: string };

/** Load 0 (idle) to 1 (full); performance 0 to 1, the share of good ends. */
export type Standing = { readonly load: number; readonly performance: number };

/**
 * What is in memory of a run with shards. Its steps then hold at least the heads (shard 0), the undo steps that are not
 * done, the shards that inputs name and those that are due; outputs of heads and the run's input only with `scope`.
 */
export type Loaded = {
  /** `run.input` and the outputs of the heads are there. */
  readonly scope: boolean;
  /** Outputs of the shards `from` to `to`, both included; null where one did not succeed. undefined: not loaded. */
  outputs(node: string, from: number, to: number): readonly unknown[] | undefined;
  /** Whether the rows of these shards, as far as there are any, are in `run.steps`, outputs included. */
  shards(node: string, from: number, to: number): boolean;
  /** All shards that are not settled are in `run.steps`. */
  readonly open: boolean;
  /** Whether the row for `undoable` is in `run.steps`, if there is one. */
  readonly undoable: boolean;
};

/** What an advance lacked. Load it and advance again with the same inputs. */
export type Want =
  | { readonly kind: "scope" }
  /** What a step was last started with. Also of a run of which all else is in memory. */
  | { readonly kind: "input"; readonly node: string; readonly shard: number }
  /** Environment.nested. Also of a run of which all else is in memory. */
  | { readonly kind: "nested" }
  | { readonly kind: "outputs"; readonly node: string; readonly from: number; readonly to: number }
  | { readonly kind: "shards"; readonly node: string; readonly from: number; readonly to: number }
  /** All shards that are not settled: at most `concurrency` of each node. */
  | { readonly kind: "open" }
  /**
   * Of the shards (1 and up) of these nodes that succeeded, are in doubt or are settled with `detail.uncertain`, and have
   * no undo row of the same shard: the
   * in-doubt ones before the others, then the highest `doneSeq`, `endedAtMs` and shard. The first is enough.
   */
  | { readonly kind: "undoable"; readonly nodes: readonly string[] };

export type Limits = {
  /** A dispatched step that nobody claimed is dispatched again after this time. */
  readonly redispatchAfterMs: number;
  /** How long a claim or heartbeat keeps a step. */
  readonly leaseMs: number;
  /** Leases of one step that may end without a result before the step fails. */
  readonly maxTakeovers: number;
};
