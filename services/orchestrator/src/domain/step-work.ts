import type { Place } from "./draft.ts";
import type { Work } from "./environment.ts";
import type { PlannedStep } from "./plan/planned-step.ts";
import type { StepState } from "./run-state.ts";
import type { StepSpec } from "./workflow-spec.ts";

/** Ids of steps contain no ~. */
const UNDO = "~undo";
const CALL_TIMEOUT_MS = 60_000;

/** The step that undoes another. */
export function undoOf(node: string): string {
  return `${node}${UNDO}`;
}

export function isUndo(node: string): boolean {
  return node.endsWith(UNDO);
}

/** The step that an undo step undoes; another step is itself. */
export function forwardOf(node: string): string {
  return isUndo(node) ? node.slice(0, -UNDO.length) : node;
}

/** Who does a step's work; undefined for steps that are no work, such as the head of a map. */
export function workOf(
  { spec }: PlannedStep,
  { shard, detail }: Pick<StepState, "shard" | "detail">,
): Work | undefined {
  const isHead = shard === 0 && (spec.kind === "map" || spec.kind === "gather");
  return isHead ? undefined : namedWork(spec, detail.target);
}

/** Who does the work of a step or of its shards. @param target the name, where the definition has a path */
export function namedWork(spec: StepSpec, target: string | undefined): Work | undefined {
  switch (spec.kind) {
    case "agent":
    case "tool":
    case "workflow":
    case "team":
    case "map":
      return pick(spec, target);
    case "gather":
      return spec.reduce && pick(spec.reduce, target);
    default:
      return undefined;
  }
}

type Names = {
  readonly agent?: string | undefined;
  readonly tool?: string | undefined;
  readonly workflow?: string | undefined;
  readonly team?: string | undefined;
};

function pick({ agent, tool, workflow, team }: Names, target: string | undefined): Work | undefined {
  if (agent !== undefined) return { kind: "agent", name: target ?? agent };
  if (tool !== undefined) return { kind: "tool", name: target ?? tool };
  if (workflow !== undefined) return { kind: "workflow", name: target ?? workflow };
  return team === undefined ? undefined : { kind: "workflow", name: `team:${target ?? team}` };
}

/** Of one attempt; infinite for a child run without one of its own, and for what is no work. */
export function timeoutOf({ spec }: PlannedStep): number {
  switch (spec.kind) {
    case "agent":
    case "tool":
    case "gather":
      return spec.timeoutMs;
    case "map":
      return spec.timeoutMs ?? ((spec.agent ?? spec.tool) ? CALL_TIMEOUT_MS : Number.POSITIVE_INFINITY);
    case "workflow":
    case "team":
      return spec.timeoutMs ?? Number.POSITIVE_INFINITY;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

/** One of many: an item of a map or a batch of a gather. */
export function isShard({ node, shard }: Place): boolean {
  return shard > 0 && !isUndo(node);
}
