import { change, type Draft, head, say } from "./draft.ts";
import type { PlannedStep } from "./plan/planned-step.ts";
import { isOpen } from "./run-state.ts";
import { type Scope, scopeOf } from "./scope.ts";
import { failStep } from "./settle.ts";
import { startWork, targetOf } from "./start-work.ts";
import { unlockApproval } from "./steps/approval.ts";
import { unlockBranch } from "./steps/branch.ts";
import { unlockEmit } from "./steps/emit.ts";
import { judgeMembers, unlockGather } from "./steps/gather.ts";
import { unlockMap } from "./steps/map.ts";
import { unlockRoute } from "./steps/route.ts";
import { unlockWait } from "./steps/wait.ts";

/** Starts, skips or performs every waiting step whose dependencies are settled; ends the run when nothing is left. */
export function unlockSteps(draft: Draft): void {
  let passes = 0;
  // A gather that is certain settles members before it, and so what depends on those: each can do that once.
  while (passOver(draft))
    if (++passes > draft.plan.steps.length) throw new Error("steps unlock each other without end");
}

/** @returns whether steps that were passed by may be unlocked now */
function passOver(draft: Draft): boolean {
  let open = false;
  let cancelled = false;
  // Steps stand after what they depend on, so one pass carries a skip or an emit to those behind it.
  for (const planned of draft.plan.steps) {
    const { spec } = planned;
    const known = draft.steps.get(spec.id);
    if (!known || known.state === "pending") {
      if (planned.dependencies.every(({ id }) => isPassed(draft, id))) unlock(draft, planned);
    }
    if (spec.kind === "gather" && draft.steps.get(spec.id)?.state === "waiting") {
      cancelled = judgeMembers(draft, planned, spec) || cancelled;
    }
    if (draft.run.phase !== "running") return false;
    open ||= isOpen(draft.steps.get(spec.id)?.state ?? "pending");
  }
  if (cancelled) return true;
  if (!open && !draft.touched?.size) succeedRun(draft);
  return false;
}

function succeedRun(draft: Draft): void {
  draft.run = {
    ...draft.run,
    phase: "succeeded",
    output: draft.plan.output(scopeOf(draft)),
    endedAtMs: draft.environment.nowMs,
  };
  say(draft, "run.succeeded");
}

/** Settled, and the run goes on: skipped, no longer needed, or failed where a definition allows it, count too. */
function isPassed(draft: Draft, id: string): boolean {
  const state = draft.steps.get(id)?.state;
  return state === "succeeded" || state === "skipped" || state === "failed" || state === "cancelled";
}

/** Whether no branch took another way: each case it names was taken, and something it depends on was. */
function isTaken(draft: Draft, { dependencies }: PlannedStep): boolean {
  if (dependencies.length === 0) return true;
  let some = false;
  for (const { id, case: name } of dependencies) {
    const detail = draft.steps.get(id)?.detail;
    if (name !== undefined && detail?.chosen !== name) return false;
    some ||= detail?.notTaken === undefined;
  }
  return some;
}

function unlock(draft: Draft, planned: PlannedStep): void {
  const { spec } = planned;
  const { nowMs } = draft.environment;
  if (!isTaken(draft, planned)) {
    const detail = { ...draft.steps.get(spec.id)?.detail, notTaken: true as const };
    change(draft, head(spec.id), { state: "skipped", endedAtMs: nowMs, detail });
    say(draft, "step.skipped", spec.id, { reason: "a branch took another case" });
    return;
  }
  const scope = scopeOf(draft);
  if (planned.when && !planned.when(scope)) {
    change(draft, head(spec.id), { state: "skipped", endedAtMs: nowMs });
    say(draft, "step.skipped", spec.id);
    return;
  }
  start(draft, planned, scope);
}

/** How each kind of step begins; see its file for how it goes on. */
function start(draft: Draft, planned: PlannedStep, scope: Scope): void {
  const { spec } = planned;
  switch (spec.kind) {
    case "agent":
    case "tool":
    case "workflow":
    case "team":
      startOne(draft, planned, scope);
      return;
    case "map":
      unlockMap(draft, planned, spec, scope);
      return;
    case "gather":
      unlockGather(draft, planned, spec, scope);
      return;
    case "branch":
      unlockBranch(draft, planned, spec, scope);
      return;
    case "approval":
      unlockApproval(draft, spec, planned.input(scope));
      return;
    case "wait":
      unlockWait(draft, planned, spec, scope);
      return;
    case "emit":
      unlockEmit(draft, planned, spec, planned.input(scope), scope);
      return;
    case "route":
      unlockRoute(draft, planned, spec, scope);
      return;
    default:
      spec satisfies never;
  }
}

function startOne(draft: Draft, planned: PlannedStep, scope: Scope): void {
  const { name, wrong } = targetOf(draft, planned, scope);
  const place = head(planned.spec.id);
  if (wrong === undefined) startWork(draft, planned, place, planned.input(scope), name);
  else failStep(draft, place, { code: "INVALID_ARGUMENT", message: wrong, retryable: false });
}
