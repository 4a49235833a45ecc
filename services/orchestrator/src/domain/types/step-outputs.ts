import type { StepSpec, WorkflowSpec } from "../workflow-spec.ts";
import type { Schema } from "./schema.ts";

/** What is known of what a workflow calls; undefined: nothing. */
export type Known = {
  /** JSON Schema of what an agent answers. */
  agentOutput(name: string): Schema | undefined;
  /** JSON Schema of a tool's arguments. */
  toolParameters(name: string): Schema | undefined;
  /** JSON Schema of a workflow's input; those of teams are named `team:<name>`. */
  workflowInput(name: string): Schema | undefined;
};

const text: Schema = { type: "string" };
const number: Schema = { type: "number" };
const whole: Schema = { type: "integer" };
const list = (items: Schema): Schema => ({ type: "array", items });

function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties, additionalProperties: false };
}

/** The schema of a step's output; undefined where nobody knows it. */
export function outputSchema(spec: WorkflowSpec, step: StepSpec, known: Known): Schema | undefined {
  switch (step.kind) {
    case "agent":
      return agentSchema(step.agent, known);
    case "map": {
      const items = step.agent === undefined ? undefined : agentSchema(step.agent, known);
      const failures = list(object({ index: whole, code: text, message: text }));
      return object({
        total: whole,
        ok: whole,
        failed: whole,
        items: list(items ?? {}),
        failures,
        itemsKept: { type: "boolean" },
      });
    }
    case "gather":
      return gatherSchema(spec, step, known);
    case "branch":
      return object({ case: { type: ["string", "null"] } });
    case "approval":
      return object({ approved: { type: "boolean" }, by: text, comment: text, at: text });
    case "wait":
      return step.event
        ? object({ event: object({ id: text, type: text, data: {}, time: text }) })
        : object({ firedAt: text });
    case "emit":
      return object({ eventId: text, type: text, key: text });
    case "route": {
      const score = object({ name: text, match: number, load: number, performance: number, score: number });
      return object({ chosen: text, kind: text, score: number, scores: list(score) });
    }
    default:
      return undefined;
  }
}

function agentSchema(name: string, known: Known): Schema | undefined {
  return name.startsWith("$.") ? undefined : known.agentOutput(name);
}

function gatherSchema(
  spec: WorkflowSpec,
  step: Extract<StepSpec, { kind: "gather" }>,
  known: Known,
): Schema | undefined {
  if (step.reduce) return step.reduce.agent === undefined ? undefined : agentSchema(step.reduce.agent, known);
  const members = step.from.map((id) => {
    const member = spec.steps.find((one) => one.id === id);
    return [id, (member && outputSchema(spec, member, known)) ?? {}] as const;
  });
  return object({ ok: whole, failed: whole, outputs: object(Object.fromEntries(members)) });
}
