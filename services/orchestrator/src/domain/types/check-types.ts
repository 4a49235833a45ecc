import { compileCondition, compileMapping, type Path, parsePath } from "@agentmesh/mapping";
import { invalid } from "../plan/invalid.ts";
import type { StepSpec, WorkflowSpec } from "../workflow-spec.ts";
import { checkArguments } from "./check-arguments.ts";
import { type Found, follow, neverFits, type Schema, typesOf } from "./schema.ts";
import { type Known, outputSchema } from "./step-outputs.ts";

const UNKNOWN: Found = { kind: "unknown" };
const NUMBER: Schema = { type: "number" };
const LIST: Schema = { type: "array" };
const TEXT: Schema = { type: "string" };

/**
 * Paths to what is not in the outputs of agents and steps, and inputs that tools and workflows cannot take.
 *
 * @throws AppError INVALID_ARGUMENT
 */
export function checkTypes(spec: WorkflowSpec, known: Known): void {
  const outputs = new Map(spec.steps.map((step) => [step.id, outputSchema(spec, step, known)]));
  for (const [index, step] of spec.steps.entries()) {
    const find = (path: Path) => findIn(spec, outputs, step, path);
    checkStep(step, `steps[${index}]`, find, known);
  }
  compileMapping(spec.output ?? null, (path) => mustLead("output", path, findIn(spec, outputs, undefined, path)));
}

type Find = (path: Path) => Found;

/** @param step where the path stands, for `$.output` and `$.item` */
function findIn(
  spec: WorkflowSpec,
  outputs: ReadonlyMap<string, Schema | undefined>,
  step: StepSpec | undefined,
  path: Path,
): Found {
  const [root, ...rest] = path;
  if (root === "input") return follow(spec.input, rest, false);
  if (root === "output" && step) return follow(itemOutput(step, outputs), rest, true);
  if (root === "item" && step?.kind === "map") {
    const over = findIn(spec, outputs, undefined, parsePath(step.over));
    return over.kind === "schema" ? follow(over.schema.items, rest, true) : UNKNOWN;
  }
  if (root !== "steps") return UNKNOWN;
  const [id = "", member, ...further] = rest;
  return member === "output" ? follow(outputs.get(id), further, true) : UNKNOWN;
}

/** What `$.output` is: of a map, the output of an item. */
function itemOutput(step: StepSpec, outputs: ReadonlyMap<string, Schema | undefined>): unknown {
  if (step.kind !== "map") return outputs.get(step.id);
  const items = follow(outputs.get(step.id), ["items", "0"], true);
  return items.kind === "schema" ? items.schema : undefined;
}

function mustLead(field: string, path: Path, found: Found, wanted?: Schema): void {
  const text = `$.${path.join(".")}`;
  if (found.kind === "nowhere") {
    throw invalid(field, `${text} leads nowhere: what it looks into ${found.why}`);
  }
  if (wanted && found.kind === "schema" && neverFits(found.schema, wanted)) {
    throw invalid(
      field,
      `${text} is ${typesOf(found.schema).join(" or ")}, and ${typesOf(wanted).join(" or ")} is expected`,
    );
  }
}

function checkStep(step: StepSpec, at: string, find: Find, known: Known): void {
  const paths = (field: string, mapping: unknown, wanted?: Schema) => {
    const full = `${at}.${field}`;
    const direct = typeof mapping === "string" ? wanted : undefined;
    compileMapping(mapping ?? null, (path) => mustLead(full, path, find(path), direct));
  };
  const condition = (field: string, test: NonNullable<StepSpec["when"]>) =>
    compileCondition(test, (path) => mustLead(`${at}.${field}`, path, find(path)));
  paths("input", step.input);
  if (step.when) condition("when", step.when);
  checkParts(step, paths);
  if (step.kind === "branch") {
    for (const [index, one] of step.cases.entries()) condition(`cases[${index}].when`, one.when);
  }
  for (const { field, mapping, schema, whose } of calls(step, known)) {
    if (!schema) continue;
    const complain = (below: string, message: string) => {
      throw invalid(`${at}.${field}${below}`, message);
    };
    checkArguments(mapping, schema, whose, (text) => find(parsePath(text)), complain);
  }
}

function checkParts(step: StepSpec, paths: (field: string, mapping: unknown, wanted?: Schema) => void): void {
  if ("gate" in step && step.gate) {
    paths("gate.value", step.gate.value, NUMBER);
    for (const path of step.gate.completeness?.required ?? []) paths("gate.completeness.required", path);
    paths("gate.change", step.gate.change);
  }
  if ("compensate" in step && step.compensate) paths("compensate.input", step.compensate.input);
  if (step.kind === "map") paths("over", step.over, LIST);
  if (step.kind === "gather" && step.reduce) paths("reduce.input", step.reduce.input);
  if (step.kind === "wait") paths("until", step.until, TEXT);
  if (step.kind === "wait") paths("event.equals", step.event?.equals);
  if (step.kind === "route") paths("needs", step.needs, LIST);
  if (step.kind === "emit") paths("event.key", step.event.key);
}

type Call = {
  readonly field: string;
  readonly mapping: unknown;
  readonly schema: Schema | undefined;
  readonly whose: string;
};

/** Whom a step hands something that must have a certain form. */
function calls(step: StepSpec, known: Known): Call[] {
  const tool = (field: string, name: string | undefined, mapping: unknown): Call[] =>
    name === undefined || name.startsWith("$.")
      ? []
      : [{ field, mapping: mapping ?? {}, schema: known.toolParameters(name), whose: `the tool ${name}` }];
  const workflow = (name: string | undefined): Call[] =>
    name === undefined || name.includes("$.")
      ? []
      : [
          {
            field: "input",
            mapping: step.input ?? {},
            schema: known.workflowInput(name),
            whose: `the workflow ${name}`,
          },
        ];
  const undo = "compensate" in step ? step.compensate : undefined;
  const undoing = tool("compensate.input", undo?.tool, undo?.input);
  switch (step.kind) {
    case "tool":
      return [...undoing, ...tool("input", step.tool, step.input)];
    case "workflow":
      return [...undoing, ...workflow(step.workflow)];
    case "team":
      return [...undoing, ...workflow(`team:${step.team}`)];
    case "map":
      return [
        ...undoing,
        ...tool("input", step.tool, step.input),
        ...workflow(step.workflow ?? (step.team && `team:${step.team}`)),
      ];
    case "gather":
      return step.reduce ? tool("reduce.input", step.reduce.tool, step.reduce.input) : [];
    default:
      return undoing;
  }
}
