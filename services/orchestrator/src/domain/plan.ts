import { AppError } from "@agentmesh/errors";
import { compileCondition, type Test } from "./condition.ts";
import { compileMapping, type Mapped } from "./mapping.ts";
import { type Path, parsePath } from "./path.ts";
import type { StepSpec, WorkflowSpec } from "./workflow-spec.ts";

/** A step with its paths resolved. */
export type PlannedStep = {
  readonly spec: StepSpec;
  readonly input: Mapped;
  readonly when: Test | undefined;
  readonly key: Mapped | undefined;
  readonly gateValue: Path | undefined;
};

/** A workflow made ready to be advanced: immutable, one for each version. */
export type Plan = {
  readonly spec: WorkflowSpec;
  /** Each after what it depends on. */
  readonly steps: readonly PlannedStep[];
  readonly byId: ReadonlyMap<string, PlannedStep>;
  readonly output: Mapped;
};

/**
 * Orders the steps and compiles mappings and conditions.
 *
 * @throws AppError INVALID_ARGUMENT for doubled ids, unknown dependencies, cycles, and paths to what is not there by then
 */
export function compilePlan(spec: WorkflowSpec): Plan {
  const specs = new Map<string, StepSpec>();
  for (const [index, step] of spec.steps.entries()) {
    if (specs.has(step.id))
      throw invalid(`steps[${index}].id`, `the id ${step.id} stands twice; give each step its own`);
    specs.set(step.id, step);
  }
  const ancestors = new Map<string, ReadonlySet<string>>();
  const ordered = sortSteps(spec, specs, ancestors);
  const steps = ordered.map((step) => planStep(spec, step, ancestors.get(step.id) ?? new Set()));
  const all = new Set(specs.keys());
  const output = compileAt("output", spec.output ?? null, (path) => checkPath("output", path, all, []));
  return { spec, steps, byId: new Map(steps.map((step) => [step.spec.id, step])), output };
}

function planStep(spec: WorkflowSpec, step: StepSpec, before: ReadonlySet<string>): PlannedStep {
  const at = `steps[${spec.steps.indexOf(step)}]`;
  const check = (field: string, extra: readonly string[] = []) => {
    return (path: Path) => checkPath(`${at}.${field}`, path, before, extra);
  };
  const gate = step.kind === "emit" ? undefined : step.gate;
  const gateValue = gate && named(`${at}.gate.value`, () => parsePath(gate.value));
  if (gateValue) check("gate.value", ["output"])(gateValue);
  const { when } = step;
  return {
    spec: step,
    input: compileAt(`${at}.input`, step.input ?? {}, check("input")),
    when: when && named(`${at}.when`, () => compileCondition(when, check("when"))),
    key:
      step.kind === "emit" && step.event.key !== undefined
        ? compileAt(`${at}.event.key`, step.event.key, check("event.key"))
        : undefined,
    gateValue,
  };
}

/** Depth first, so that a cycle is found with its members. */
function sortSteps(
  spec: WorkflowSpec,
  specs: ReadonlyMap<string, StepSpec>,
  ancestors: Map<string, ReadonlySet<string>>,
): StepSpec[] {
  const ordered: StepSpec[] = [];
  const open: string[] = [];
  function visit(step: StepSpec): ReadonlySet<string> {
    const known = ancestors.get(step.id);
    if (known) return known;
    if (open.includes(step.id)) {
      const cycle = [...open.slice(open.indexOf(step.id)), step.id].join(" → ");
      throw invalid(dependsOn(spec, step), `the steps wait for each other: ${cycle}; remove one of these dependencies`);
    }
    open.push(step.id);
    const before = new Set<string>();
    for (const id of step.dependsOn) {
      const needed = specs.get(id);
      if (!needed) {
        throw invalid(dependsOn(spec, step), `there is no step ${id}; the steps are ${[...specs.keys()].join(", ")}`);
      }
      before.add(id);
      for (const further of visit(needed)) before.add(further);
    }
    open.pop();
    ancestors.set(step.id, before);
    ordered.push(step);
    return before;
  }
  for (const step of spec.steps) visit(step);
  return ordered;
}

function dependsOn(spec: WorkflowSpec, step: StepSpec): string {
  return `steps[${spec.steps.indexOf(step)}].dependsOn`;
}

function checkPath(field: string, path: Path, before: ReadonlySet<string>, extra: readonly string[]): void {
  const [root, id, member] = path;
  if (root === "input" || (root !== undefined && extra.includes(root))) return;
  if (root !== "steps" || id === undefined) {
    throw invalid(
      field,
      `$.${path.join(".")} starts at neither $.input nor ${[...extra, "steps.<id>"].map((name) => `$.${name}`).join(" nor ")}`,
    );
  }
  if (!before.has(id)) {
    throw invalid(
      field,
      `$.${path.join(".")} speaks of the step ${id}, which has not ended by then; add it to dependsOn or correct the id`,
    );
  }
  if (member !== undefined && member !== "output" && member !== "state") {
    throw invalid(field, `$.${path.join(".")}: a step has output and state, no ${member}`);
  }
}

function compileAt(field: string, mapping: unknown, onPath: (path: Path) => void): Mapped {
  return named(field, () => compileMapping(mapping, onPath));
}

/** Puts the field in front of what a lower part complains about. */
function named<T>(field: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof AppError) || error.field) throw error;
    throw invalid(field, error.message);
  }
}

function invalid(field: string, message: string): AppError {
  return new AppError("INVALID_ARGUMENT", `${field}: ${message}`, { reason: "BAD_WORKFLOW", field });
}
