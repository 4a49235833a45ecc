import type { StepSpec, WorkflowSpec } from "../workflow-spec.ts";
import { invalid } from "./invalid.ts";
import { dependenciesOf, fieldOf, type Order } from "./order.ts";

/** Cases that must have been taken for a step to run, by branch. */
type Musts = ReadonlyMap<string, string>;

/**
 * Steps that no run can reach, and thresholds that no run can meet.
 *
 * @throws AppError INVALID_ARGUMENT
 */
export function checkFlow(spec: WorkflowSpec, order: Order): void {
  const byId = new Map(order.steps.map((step) => [step.id, step]));
  const musts = new Map<string, Musts>();
  for (const step of order.steps) {
    checkCases(spec, step, byId);
    musts.set(step.id, mustsOf(spec, step, musts));
    if (step.kind === "gather") checkGather(spec, step, byId);
    if (step.kind === "branch") checkBranch(spec, step);
  }
}

function checkCases(spec: WorkflowSpec, step: StepSpec, byId: ReadonlyMap<string, StepSpec>): void {
  for (const { id, case: name } of dependenciesOf(step)) {
    if (name === undefined) continue;
    const branch = byId.get(id);
    const field = fieldOf(spec, step, "dependsOn");
    if (branch?.kind !== "branch") {
      throw invalid(field, `${id}:${name} names a case, and ${id} is a step of kind ${branch?.kind}, not a branch`);
    }
    const cases = casesOf(branch);
    if (!cases.includes(name)) {
      throw invalid(
        field,
        `the branch ${id} has no case ${name}, so ${step.id} could never run; its cases are ${cases.join(", ")}`,
      );
    }
  }
}

function casesOf(branch: Extract<StepSpec, { kind: "branch" }>): string[] {
  return [...branch.cases.map((one) => one.name), ...(branch.else === undefined ? [] : [branch.else])];
}

/** A case that a step names holds always; what lies behind it only when there is no other way to the step. */
function mustsOf(spec: WorkflowSpec, step: StepSpec, known: ReadonlyMap<string, Musts>): Musts {
  const dependencies = dependenciesOf(step);
  const result = new Map<string, string>();
  const add = (branch: string, name: string) => {
    const other = result.get(branch);
    if (other !== undefined && other !== name) {
      throw invalid(
        fieldOf(spec, step, "dependsOn"),
        `${step.id} can never run: it needs the branch ${branch} to take both ${other} and ${name}`,
      );
    }
    result.set(branch, name);
  };
  const named = dependencies.filter((dependency) => dependency.case !== undefined);
  for (const { id, case: name = "" } of named) {
    add(id, name);
    for (const [branch, further] of known.get(id) ?? []) add(branch, further);
  }
  const [first, ...others] = dependencies;
  if (first && named.length === 0) {
    for (const [branch, name] of known.get(first.id) ?? []) {
      if (others.every(({ id }) => known.get(id)?.get(branch) === name)) add(branch, name);
    }
  }
  return result;
}

function checkGather(
  spec: WorkflowSpec,
  step: Extract<StepSpec, { kind: "gather" }>,
  byId: ReadonlyMap<string, StepSpec>,
): void {
  if (new Set(step.from).size < step.from.length) {
    throw invalid(fieldOf(spec, step, "from"), `a step stands twice in ${step.from.join(", ")}`);
  }
  const [only] = step.from;
  const overMap = step.from.length === 1 && only !== undefined && byId.get(only)?.kind === "map" && step.reduce;
  const count = step.success?.count;
  if (count !== undefined && count > step.from.length) {
    const hint = overMap ? "; how many items must succeed stands in the map's success" : "";
    throw invalid(
      fieldOf(spec, step, "success.count"),
      `${count} of ${step.from.length} steps can never succeed; lower it or name more steps in from${hint}`,
    );
  }
}

function checkBranch(spec: WorkflowSpec, step: Extract<StepSpec, { kind: "branch" }>): void {
  const names = casesOf(step);
  const doubled = names.find((name, index) => names.indexOf(name) !== index);
  if (doubled !== undefined) {
    throw invalid(fieldOf(spec, step, "cases"), `the case ${doubled} stands twice; give each its own name`);
  }
}
