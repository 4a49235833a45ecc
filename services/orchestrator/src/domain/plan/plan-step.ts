import { compileCondition, compileMapping, type Mapped, type Path, parsePath } from "@agentmesh/mapping";
import type { CompensateSpec, GateSpec } from "../spec/step-parts.ts";
import { undoOf } from "../step-work.ts";
import type { StepSpec } from "../workflow-spec.ts";
import { invalid, named } from "./invalid.ts";
import { dependenciesOf } from "./order.ts";
import type { PlannedGate, PlannedStep } from "./planned-step.ts";

/** Told of every path: the field it stands in, and what beside input, run and steps may be its root there. */
export type OnPath = (field: string, path: Path, extra: readonly string[]) => void;

export type StepPlace = { readonly at: string; readonly gathered: boolean; readonly onPath: OnPath };

/** @throws AppError INVALID_ARGUMENT for malformed paths and mappings */
export function planStep(step: StepSpec, place: StepPlace): PlannedStep {
  const { when } = step;
  const field = `${place.at}.when`;
  return {
    spec: step,
    dependencies: dependenciesOf(step),
    when: when && named(field, () => compileCondition(when, (path) => place.onPath(field, path, []))),
    input: mapAt(place, "input", step.input ?? {}, step.kind === "map" ? ["item", "index"] : []),
    target: targetOf(step, place),
    gate: "gate" in step && step.gate ? planGate(step.gate, place) : undefined,
    gathered: place.gathered,
    key: keyOf(step, place),
    subject: subjectOf(step, place),
    cases: step.kind === "branch" ? planCases(step.cases, place) : [],
    reduce: step.kind === "gather" && step.reduce ? planReduce(step.reduce.input, place) : undefined,
    undo: "compensate" in step && step.compensate ? planUndo(step, step.compensate, place) : undefined,
  };
}

function mapAt(place: StepPlace, field: string, mapping: unknown, extra: readonly string[] = []): Mapped {
  const full = `${place.at}.${field}`;
  return named(full, () => compileMapping(mapping, (path) => place.onPath(full, path, extra)));
}

function pathAt(place: StepPlace, field: string, text: string, extra: readonly string[] = []): Path {
  const full = `${place.at}.${field}`;
  const path = named(full, () => parsePath(text));
  place.onPath(full, path, extra);
  return path;
}

/** The name of what does the work, as it stands in the definition, and the member it stands in. */
export function nameOf(step: StepSpec): { field: string; name: string } | undefined {
  switch (step.kind) {
    case "agent":
      return { field: "agent", name: step.agent };
    case "tool":
      return { field: "tool", name: step.tool };
    case "workflow":
      return { field: "workflow", name: step.workflow };
    case "team":
      return { field: "team", name: step.team };
    case "map":
      return oneOf({ agent: step.agent, tool: step.tool, workflow: step.workflow, team: step.team });
    case "gather":
      return step.reduce && oneOf({ "reduce.agent": step.reduce.agent, "reduce.tool": step.reduce.tool });
    default:
      return undefined;
  }
}

function oneOf(names: Readonly<Record<string, string | undefined>>): { field: string; name: string } | undefined {
  for (const [field, name] of Object.entries(names)) if (name !== undefined) return { field, name };
  return undefined;
}

function targetOf(step: StepSpec, place: StepPlace): Mapped | undefined {
  const found = nameOf(step);
  return found?.name.startsWith("$.") ? mapAt(place, found.field, found.name) : undefined;
}

/** What a step just gave: its output, and how good an agent's answer was found to be. */
const GIVEN: readonly string[] = ["output", "quality"];

function planGate(gate: GateSpec, place: StepPlace): PlannedGate {
  const roots = new Set<string>();
  const read = (field: string, text: string) => {
    const path = pathAt(place, field, text, GIVEN);
    roots.add(path[0] ?? "");
    return path;
  };
  const value = gate.value === undefined ? undefined : read("gate.value", gate.value);
  const required = (gate.completeness?.required ?? []).map((text, index) =>
    read(`gate.completeness.required[${index}]`, text),
  );
  if (gate.change && gate.onFail !== "retry") {
    throw invalid(
      `${place.at}.gate.change`,
      "it changes the input of the next try, and only onFail: retry tries again",
    );
  }
  return {
    value,
    required,
    change: gate.change && mapAt(place, "gate.change", gate.change, ["output"]),
    outputOnly: [...roots].every((root) => GIVEN.includes(root)),
  };
}

function keyOf(step: StepSpec, place: StepPlace): Mapped | undefined {
  if (step.kind === "emit" && step.event.key !== undefined) return mapAt(place, "event.key", step.event.key);
  if (step.kind !== "wait" || step.event?.match === undefined) return undefined;
  const { match } = step.event;
  const path = named(`${place.at}.event.match`, () => parsePath(match));
  if (!["id", "type", "data", "time"].includes(path[0] ?? "")) {
    throw invalid(`${place.at}.event.match`, `${match} must start with $.data, $.id, $.type or $.time of the event`);
  }
  return mapAt(place, "event.equals", step.event.equals);
}

function subjectOf(step: StepSpec, place: StepPlace): Mapped | undefined {
  if (step.kind === "map") return mapAt(place, "over", step.over);
  if (step.kind === "wait" && step.until !== undefined) return mapAt(place, "until", step.until);
  if (step.kind === "route") return mapAt(place, "needs", step.needs);
  return undefined;
}

function planCases(cases: Extract<StepSpec, { kind: "branch" }>["cases"], place: StepPlace): PlannedStep["cases"] {
  return cases.map(({ name, when }, index) => {
    const field = `${place.at}.cases[${index}].when`;
    return {
      name,
      test: named(field, () => compileCondition(when, (path) => place.onPath(field, path, []))),
    };
  });
}

function planReduce(input: unknown, place: StepPlace): PlannedStep["reduce"] {
  const roots = new Set<string>();
  const onPath: OnPath = (field, path, extra) => {
    roots.add(path[0] ?? "");
    place.onPath(field, path, extra);
  };
  const mapped = mapAt({ ...place, onPath }, "reduce.input", input, ["items", "level"]);
  return { input: mapped, outputOnly: [...roots].every((root) => root === "items" || root === "level") };
}

function planUndo(step: StepSpec, compensate: CompensateSpec, place: StepPlace): PlannedStep {
  const { agent, tool, retry, timeoutMs } = compensate;
  const common = { id: undoOf(step.id), description: "", dependsOn: [], retry, timeoutMs, onFailure: "fail" as const };
  const extra = step.kind === "map" ? ["output", "item", "index"] : ["output"];
  return {
    spec: agent === undefined ? { ...common, kind: "tool", tool: tool ?? "" } : { ...common, kind: "agent", agent },
    dependencies: [],
    when: undefined,
    input: mapAt(place, "compensate.input", compensate.input ?? {}, extra),
    target: undefined,
    gate: undefined,
    gathered: false,
    key: undefined,
    subject: undefined,
    cases: [],
    reduce: undefined,
    undo: undefined,
  };
}
