import { type Draft, say } from "./draft.ts";
import { isOpen } from "./run-state.ts";

/** Says once, and before it is, that the run will end later than expected. */
export function watchSla(draft: Draft): void {
  const { slaAtMs } = draft.run;
  if (slaAtMs === undefined || draft.environment.nowMs < lateFromMs(draft)) return;
  const expectedEndMs = draft.environment.nowMs + remainingMs(draft);
  draft.run = { ...draft.run, atRisk: true };
  say(draft, "run.at_risk", "", { slaAtMs, expectedEndMs });
}

/** From when on the run is at risk if nothing happens until then; infinite when that was said, or is not asked for. */
export function lateFromMs(draft: Draft): number {
  const { slaAtMs, atRisk, phase, pausedAtMs } = draft.run;
  if (slaAtMs === undefined || atRisk || phase !== "running" || pausedAtMs !== undefined)
    return Number.POSITIVE_INFINITY;
  return slaAtMs - remainingMs(draft) + 1;
}

/** The longest chain of steps that are not settled, as long as each usually takes; what nobody knows takes no time. */
function remainingMs(draft: Draft): number {
  const { expectedMs, nowMs } = draft.environment;
  if (!expectedMs) return 0;
  const ends = new Map<string, number>();
  let latest = 0;
  for (const { spec, dependencies } of draft.plan.steps) {
    const step = draft.steps.get(spec.id);
    const before = [...dependencies.map(({ id }) => id), ...(spec.kind === "gather" ? spec.from : [])];
    let end = Math.max(0, ...before.map((id) => ends.get(id) ?? 0));
    if (isOpen(step?.state ?? "pending")) {
      const spent = step?.startedAtMs === undefined ? 0 : nowMs - step.startedAtMs;
      end += Math.max(0, (expectedMs(spec.id) ?? 0) - spent);
    }
    ends.set(spec.id, end);
    latest = Math.max(latest, end);
  }
  return latest;
}
