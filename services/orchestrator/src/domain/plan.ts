import { AppError } from "@agentmesh/errors";
import { compileMapping, type Mapped, type Path } from "@agentmesh/mapping";
import { checkFlow } from "./plan/check-flow.ts";
import { invalid, named } from "./plan/invalid.ts";
import { orderSteps } from "./plan/order.ts";
import { planStep } from "./plan/plan-step.ts";
import type { PlannedStep } from "./plan/planned-step.ts";
import { undoOf } from "./step-work.ts";
import { checkTypes } from "./types/check-types.ts";
import type { Known } from "./types/step-outputs.ts";
import type { WorkflowSpec } from "./workflow-spec.ts";

/** A workflow made ready to be advanced: immutable, one for each version. */
export type Plan = {
  readonly spec: WorkflowSpec;
  /** Each after what it depends on; without the undo steps. */
  readonly steps: readonly PlannedStep[];
  /** With the undo steps. */
  readonly byId: ReadonlyMap<string, PlannedStep>;
  readonly output: Mapped;
  /** Some step has shards, so that its runs can have more rows than should be loaded at once. */
  readonly sharded: boolean;
  /** Some path leads into `$.run`. */
  readonly readsRun: boolean;
};

const RUN_MEMBERS = ["id", "startedAt", "startedBy"];
const STEP_MEMBERS = ["output", "state", "gate"];

/**
 * Orders the steps and compiles mappings and conditions.
 *
 * @param known what is known of agents, tools and other workflows; then types are checked too
 * @throws AppError INVALID_ARGUMENT, with the field and what to do, for doubled ids, unknown dependencies, cycles, steps
 * that no run can reach, impossible thresholds, paths to what is not there by then, and types that do not fit
 */
export function compilePlan(spec: WorkflowSpec, known?: Known): Plan {
  try {
    const plan = compile(spec);
    if (known) checkTypes(spec, known);
    return plan;
  } catch (error) {
    throw withStep(spec, error);
  }
}

/** A field counts steps; people name them. */
function withStep(spec: WorkflowSpec, error: unknown): unknown {
  if (!(error instanceof AppError) || !error.field) return error;
  const [, index] = /^steps\[(\d+)\]/.exec(error.field) ?? [];
  const id = index === undefined ? undefined : spec.steps[Number(index)]?.id;
  if (id === undefined) return error;
  return new AppError(error.code, `step ${id}: ${error.message}`, { reason: "BAD_WORKFLOW", field: error.field });
}

function compile(spec: WorkflowSpec): Plan {
  const order = orderSteps(spec);
  checkFlow(spec, order);
  const gathered = new Set(spec.steps.flatMap((step) => (step.kind === "gather" ? step.from : [])));
  let readsRun = false;
  const check = (field: string, path: Path, before: ReadonlySet<string>, extra: readonly string[]) => {
    readsRun ||= path[0] === "run";
    checkPath(field, path, before, extra);
  };
  const steps = order.steps.map((step) => {
    const before = order.ancestors.get(step.id) ?? new Set();
    const withSelf = new Set([...before, step.id]);
    return planStep(step, {
      at: `steps[${spec.steps.indexOf(step)}]`,
      gathered: gathered.has(step.id),
      onPath: (field, path, extra) => checkPath(field, path, field.includes(".compensate.") ? withSelf : before, extra),
    });
  });
  const all = new Set(order.steps.map((step) => step.id));
  const output = named("output", () => compileMapping(spec.output ?? null, (path) => check("output", path, all, [])));
  const byId = new Map(steps.map((step) => [step.spec.id, step]));
  for (const step of steps) if (step.undo) byId.set(undoOf(step.spec.id), step.undo);
  const sharded = spec.steps.some((step) => step.kind === "map" || hasReduce(step));
  return { spec, steps, byId, output, sharded, readsRun };
}

function hasReduce(step: WorkflowSpec["steps"][number]): boolean {
  return step.kind === "gather" && step.reduce !== undefined;
}

function checkPath(field: string, path: Path, before: ReadonlySet<string>, extra: readonly string[]): void {
  const [root, id, member] = path;
  if (root === "input" || (root !== undefined && extra.includes(root))) return;
  if (root === "run") {
    if (id !== undefined && RUN_MEMBERS.includes(id)) return;
    throw invalid(field, `$.${path.join(".")}: a run has ${RUN_MEMBERS.join(", ")}`);
  }
  if (root !== "steps" || id === undefined) {
    const roots = [...extra, "run", "steps.<id>"].map((name) => `$.${name}`);
    throw invalid(field, `$.${path.join(".")} starts at neither $.input nor ${roots.join(" nor ")}`);
  }
  if (!before.has(id)) {
    throw invalid(
      field,
      `$.${path.join(".")} speaks of the step ${id}, which has not ended by then; add it to dependsOn or correct the id`,
    );
  }
  if (member !== undefined && !STEP_MEMBERS.includes(member)) {
    throw invalid(field, `$.${path.join(".")}: a step has output, state and gate, no ${member}`);
  }
}
