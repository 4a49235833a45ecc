import type { Plan } from "../plan.ts";
import type { PlannedStep } from "./planned-step.ts";

/** What a step waits for, in any way. */
export function waitsFor({ spec, dependencies }: PlannedStep): readonly string[] {
  const ids = dependencies.map(({ id }) => id);
  return spec.kind === "gather" ? [...ids, ...spec.from] : ids;
}

/** These steps and all that come after one of them. */
export function andBehind(plan: Plan, nodes: Iterable<string>): ReadonlySet<string> {
  const found = new Set(nodes);
  for (const step of plan.steps) if (waitsFor(step).some((id) => found.has(id))) found.add(step.spec.id);
  return found;
}
