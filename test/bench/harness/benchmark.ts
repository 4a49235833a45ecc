// What a benchmark is made of. Subjects are measured in turn, again and again, so that a machine that drifts drifts under
// all of them.
import type { PeerInstaller } from "../peers/install.ts";

/** One figure of one repeat. */
export type Figure = { readonly metric: string; readonly unit: string; readonly value: number };

/** What a subject found in one repeat. `notes` are printed under the table: parts of a figure, what was checked. */
export type Measured = { readonly figures: readonly Figure[]; readonly notes?: readonly string[] };

export type Subject = {
  /** `agentmesh`, `limit` or the peer's package name. */
  readonly name: string;
  /** What exactly was measured, for the report. */
  readonly what: string;
  measure(repeat: number): Promise<Measured>;
};

export type BenchOptions = {
  /** Also measure the peers that can be installed. */
  readonly peers: boolean;
  /** Finished runs that are in the database before the measuring starts; only `workflow` looks at it. */
  readonly stored: number;
  /** Of one map; only `map` looks at it. */
  readonly items: number;
  /** Replicas of which `workflow` measures a mesh beside the one with a single orchestrator; 1: none. */
  readonly orchestrators: number;
  /** CPU profiles are written there: of orchestrator and agent-runner, of the edge. */
  readonly profileDir: string | undefined;
  readonly installer: PeerInstaller;
  /** Aborted when the user interrupts: a mesh that starts gives up. */
  readonly signal: AbortSignal;
  /** Progress, on standard error. */
  readonly log: (line: string) => void;
};

/** A benchmark that is set up: disposing it takes everything down again. */
export type OpenBenchmark = AsyncDisposable & {
  readonly subjects: readonly Subject[];
  /** What it ran on, by name: `PostgreSQL` → `15.14`. */
  readonly servers?: Readonly<Record<string, string>>;
};

export type Benchmark = {
  readonly name: string;
  /** One line for `--list`. */
  readonly summary: string;
  open(options: BenchOptions): Promise<OpenBenchmark>;
};
