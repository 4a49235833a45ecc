import type { Mapped, Path, Test } from "@agentmesh/mapping";
import type { StepSpec } from "../workflow-spec.ts";

/** What must be settled first; with a case, what the branch must have taken. */
export type Dependency = { readonly id: string; readonly case: string | undefined };

export type PlannedCase = { readonly name: string; readonly test: Test };

export type PlannedGate = {
  readonly value: Path | undefined;
  readonly required: readonly Path[];
  /** Members that replace those of the input on the next try. */
  readonly change: Mapped | undefined;
  /** All it looks at is the output, so that nothing else need be loaded. */
  readonly outputOnly: boolean;
};

/** A step with its paths resolved. What only some kinds have is undefined for the others. */
export type PlannedStep = {
  readonly spec: StepSpec;
  readonly dependencies: readonly Dependency[];
  readonly when: Test | undefined;
  readonly input: Mapped;
  /** Name of the agent, tool or workflow where it is a path. */
  readonly target: Mapped | undefined;
  readonly gate: PlannedGate | undefined;
  /** A gather judges its failure. */
  readonly gathered: boolean;
  /** emit: key of the event. wait: what the event must carry. */
  readonly key: Mapped | undefined;
  /** map: the list. wait: the time. route: the needs. */
  readonly subject: Mapped | undefined;
  /** branch */
  readonly cases: readonly PlannedCase[];
  /** gather: input of a batch, and whether it needs more than `$.items` and `$.level`. */
  readonly reduce: { readonly input: Mapped; readonly outputOnly: boolean } | undefined;
  readonly undo: PlannedStep | undefined;
};
