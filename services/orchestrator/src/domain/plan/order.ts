import type { StepSpec, WorkflowSpec } from "../workflow-spec.ts";
import { invalid } from "./invalid.ts";
import type { Dependency } from "./planned-step.ts";

/** The steps, each after what it depends on, and for each what has ended when it starts. */
export type Order = {
  readonly steps: readonly StepSpec[];
  readonly ancestors: ReadonlyMap<string, ReadonlySet<string>>;
};

export function dependenciesOf(step: StepSpec): Dependency[] {
  return step.dependsOn.map((text) => {
    const [id = "", name] = text.split(":");
    return { id, case: name };
  });
}

/**
 * Depth first, so that a cycle is found with its members.
 *
 * @throws AppError INVALID_ARGUMENT for doubled ids, unknown dependencies and cycles
 */
export function orderSteps(spec: WorkflowSpec): Order {
  const specs = new Map<string, StepSpec>();
  for (const [index, step] of spec.steps.entries()) {
    if (specs.has(step.id)) {
      throw invalid(`steps[${index}].id`, `the id ${step.id} stands twice; give each step its own`);
    }
    specs.set(step.id, step);
  }
  const ancestors = new Map<string, ReadonlySet<string>>();
  const steps: StepSpec[] = [];
  const open: string[] = [];
  function visit(step: StepSpec): ReadonlySet<string> {
    const known = ancestors.get(step.id);
    if (known) return known;
    if (open.includes(step.id)) {
      const cycle = [...open.slice(open.indexOf(step.id)), step.id].join(" → ");
      throw invalid(
        fieldOf(spec, step, "dependsOn"),
        `the steps wait for each other: ${cycle}; remove one of these dependencies`,
      );
    }
    open.push(step.id);
    const before = new Set<string>();
    for (const { id, field } of needs(step)) {
      const needed = specs.get(id);
      if (!needed) {
        throw invalid(
          fieldOf(spec, step, field),
          `there is no step ${id}; the steps are ${[...specs.keys()].join(", ")}`,
        );
      }
      before.add(id);
      for (const further of visit(needed)) before.add(further);
    }
    open.pop();
    ancestors.set(step.id, before);
    steps.push(step);
    return before;
  }
  for (const step of spec.steps) visit(step);
  return { steps, ancestors };
}

function needs(step: StepSpec): { id: string; field: string }[] {
  const first = dependenciesOf(step).map(({ id }) => ({ id, field: "dependsOn" }));
  return step.kind === "gather" ? [...first, ...step.from.map((id) => ({ id, field: "from" }))] : first;
}

export function fieldOf(spec: WorkflowSpec, step: StepSpec, field: string): string {
  return `steps[${spec.steps.indexOf(step)}].${field}`;
}
