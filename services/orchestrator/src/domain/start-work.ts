import { isTooDeep } from "@agentmesh/mapping";
import { change, type Draft, type Place } from "./draft.ts";
import type { PlannedStep } from "./plan/planned-step.ts";
import { releaseStep } from "./release-step.ts";
import { type StepState, stepKey } from "./run-state.ts";
import type { Scope } from "./scope.ts";
import { failStep } from "./settle.ts";
import { namedWork } from "./step-work.ts";

// A reply carries 4 MiB, and JSON grows up to sixfold as google.protobuf.Value (numbers of one digit).
const MAX_INPUT_BYTES = 512 * 1024;
// A server takes messages up to 1 MiB; the outbox could never get rid of a larger one.
export const MAX_EVENT_BYTES = 512 * 1024;

const NAME = /^(team:)?[a-z0-9][a-z0-9_-]{0,62}$/;

/** Makes a step ready with its input, and releases it. */
export function startWork(draft: Draft, planned: PlannedStep, place: Place, input: unknown, target?: string): void {
  const ready = readyStep(draft, place, input, MAX_INPUT_BYTES, target);
  if (ready) releaseStep(draft, planned, ready, () => input);
}

/** A step with its input, or undefined when the input cannot travel: then the step failed. */
export function readyStep(
  draft: Draft,
  place: Place,
  input: unknown,
  maxBytes: number,
  target?: string,
): StepState | undefined {
  const json = JSON.stringify(input);
  const known = target === undefined ? undefined : draft.steps.get(stepKey(place.node, place.shard));
  const step = change(draft, place, {
    state: "ready",
    readyAtMs: draft.environment.nowMs,
    ...(target !== undefined && { detail: { ...known?.detail, target } }),
  });
  const wrong = whatIsWrong(input, json, maxBytes);
  draft.inputs.set(stepKey(place.node, place.shard), wrong ? "null" : json);
  if (wrong === undefined) return step;
  failStep(draft, place, { code: "INVALID_ARGUMENT", message: wrong, retryable: false });
  return undefined;
}

/** The name that a path gave for who does the work; undefined where the definition has the name itself. */
export function targetOf(draft: Draft, planned: PlannedStep, scope: Scope): { name?: string; wrong?: string } {
  if (!planned.target) return {};
  const name = planned.target(scope);
  if (typeof name !== "string" || !NAME.test(name)) {
    return { wrong: `the path to who does the work leads to ${JSON.stringify(name)?.slice(0, 100)}, not to a name` };
  }
  const work = namedWork(planned.spec, name);
  if (work && draft.environment.exists?.(work) === false) {
    return { wrong: `there is no ${work.kind} ${work.name}; apply it first or correct what names it` };
  }
  return { name };
}

function whatIsWrong(input: unknown, json: string, limit: number): string | undefined {
  // A UTF-16 unit is at most three bytes, so short texts need no count.
  if (json.length > limit / 3 && Buffer.byteLength(json) > limit) {
    return `its input has ${Buffer.byteLength(json)} bytes, more than ${limit}; map only what the step needs`;
  }
  if (isTooDeep(input)) return "its input is nested too deeply; map only what the step needs";
  return undefined;
}
