import { change, type Draft, head } from "../draft.ts";
import type { Standing, Work } from "../environment.ts";
import type { PlannedStep } from "../plan/planned-step.ts";
import type { Scope } from "../scope.ts";
import { failStep, succeedStep } from "../settle.ts";
import type { Candidate } from "../spec/flow-steps.ts";
import type { SpecOf } from "../workflow-spec.ts";

// What counts beside being able to: a good past first, then who has time.
const WEIGHTS = { match: 0.5, performance: 0.3, idle: 0.2 };
const UNKNOWN: Standing = { load: 0, performance: 1 };

/** A route settles when it unlocks: of those who can do enough of what is needed, the best score is chosen. */
export function unlockRoute(draft: Draft, planned: PlannedStep, spec: SpecOf<"route">, scope: Scope): void {
  const needs = planned.subject?.(scope);
  draft.inputs.set(spec.id, JSON.stringify(needs ?? null));
  const step = change(draft, head(spec.id), { state: "ready", readyAtMs: draft.environment.nowMs });
  if (!Array.isArray(needs) || !needs.every((need) => typeof need === "string")) {
    const message = `needs is ${JSON.stringify(needs)?.slice(0, 100)}, and a list of capabilities was expected`;
    failStep(draft, step, { code: "INVALID_ARGUMENT", message, retryable: false });
    return;
  }
  const scored = spec.candidates.map((candidate) => scoreOf(draft, candidate, needs));
  const fit = scored.filter((one) => one.match >= spec.atLeast);
  const [best] = fit.toSorted((a, b) => b.score - a.score);
  if (!best) {
    const message = `nobody covers ${spec.atLeast} of ${needs.join(", ")}: ${scored.map((one) => `${one.name} ${one.match}`).join(", ")}`;
    failStep(draft, step, { code: "NO_MATCH", message, retryable: false });
    return;
  }
  const scores = scored.map(({ kind: _, ...score }) => score);
  const { name, kind, score } = best;
  succeedStep(draft, step, { chosen: name, kind, score, scores }, { chosen: name, score });
}

function scoreOf(draft: Draft, candidate: Candidate, needs: readonly string[]) {
  const { kind, name, work } = whoIs(candidate);
  const covered = needs.filter((need) => candidate.capabilities.includes(need)).length;
  const match = needs.length === 0 ? 1 : round(covered / needs.length);
  const { load, performance } = draft.environment.standing?.(work) ?? UNKNOWN;
  const score = round(match * WEIGHTS.match + performance * WEIGHTS.performance + (1 - load) * WEIGHTS.idle);
  return { name, kind, match, load, performance, score };
}

function whoIs({ agent, team, workflow }: Candidate): { kind: string; name: string; work: Work } {
  if (agent !== undefined) return { kind: "agent", name: agent, work: { kind: "agent", name: agent } };
  if (team !== undefined) return { kind: "team", name: team, work: { kind: "workflow", name: `team:${team}` } };
  const name = workflow ?? "";
  return { kind: "workflow", name, work: { kind: "workflow", name } };
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
