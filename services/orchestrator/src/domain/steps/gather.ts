import { change, type Draft, head, say } from "../draft.ts";
import { cancelStep, mustAwait, takeBack } from "../ending.ts";
import type { PlannedStep } from "../plan/planned-step.ts";
import type { StepState } from "../run-state.ts";
import { type Scope, scopeOf } from "../scope.ts";
import { failStep, succeedStep } from "../settle.ts";
import { dropShards } from "../shards.ts";
import { targetOf } from "../start-work.ts";
import { needed } from "../success.ts";
import type { SpecOf } from "../workflow-spec.ts";
import { startReduce } from "./reduce.ts";

// A gather of steps: unlocks at once and waits; looks at its members whenever the run is advanced; settles when all are
// settled, or with `rest: cancel` as soon as its threshold is certain or impossible. Members that were skipped do not
// count. With `reduce` it then brings their outputs together (see reduce.ts).

type GatherSpec = SpecOf<"gather">;

export function unlockGather(draft: Draft, planned: PlannedStep, spec: GatherSpec, scope: Scope): void {
  const known = draft.steps.get(spec.id);
  const { name, wrong } = targetOf(draft, planned, scope);
  const waiting = change(draft, head(spec.id), {
    state: "waiting",
    startedAtMs: draft.environment.nowMs,
    detail: { ...known?.detail, ...(name !== undefined && { target: name }) },
  });
  draft.inputs.set(spec.id, "null");
  if (wrong !== undefined) {
    failStep(draft, waiting, { code: "INVALID_ARGUMENT", message: wrong, retryable: false });
    return;
  }
  say(draft, "step.waiting", spec.id, { from: spec.from });
}

type Members = { readonly ok: readonly string[]; readonly failed: readonly string[]; readonly open: readonly string[] };

/**
 * Settles the gather, or lets it reduce, when its members have decided it; does nothing once it reduces.
 *
 * @returns whether it cancelled members
 */
export function judgeMembers(draft: Draft, planned: PlannedStep, spec: GatherSpec): boolean {
  const step = draft.steps.get(spec.id);
  if (step?.state !== "waiting" || isReducing(step)) return false;
  const members = sortMembers(draft, spec);
  const total = members.ok.length + members.failed.length + members.open.length;
  const need = needed(spec.success, total);
  const certain = members.ok.length >= need;
  const impossible = members.ok.length + members.open.length < need;
  const settled = members.open.length === 0;
  if (!settled && !(spec.rest === "cancel" && (certain || impossible))) return false;
  for (const id of members.open) cancelMember(draft, id);
  if (!certain) {
    const message = `${members.ok.length} of ${total} steps succeeded, and ${need} must; not ${[...members.failed, ...members.open].join(", ")}`;
    failStep(draft, step, { code: "THRESHOLD_MISSED", message, retryable: false });
  } else if (spec.reduce) startReduce(draft, planned, spec, step, members.ok);
  else succeedStep(draft, step, together(draft, spec, members.ok), { ok: members.ok.length, of: total });
  return !settled;
}

function isReducing(step: StepState): boolean {
  return step.detail.counts?.level !== undefined;
}

function sortMembers(draft: Draft, spec: GatherSpec): Members {
  const members = { ok: [] as string[], failed: [] as string[], open: [] as string[] };
  for (const id of spec.from) {
    const state = draft.steps.get(id)?.state ?? "pending";
    if (state === "succeeded") members.ok.push(id);
    else if (state === "failed" || state === "cancelled") members.failed.push(id);
    else if (state !== "skipped") members.open.push(id);
  }
  return members;
}

/** What is no longer needed: also one that never left waiting, so that nothing starts it later. */
function cancelMember(draft: Draft, id: string): void {
  const step = takeBack(draft, draft.steps.get(id) ?? change(draft, head(id), {}));
  const { counts } = step.detail;
  if (counts) {
    const open = dropShards(draft, id);
    const detail = { ...step.detail, counts: { ...counts, open } };
    if (open === 0) cancelStep(draft, { ...step, detail }, NOT_NEEDED);
    else change(draft, step, { detail: { ...detail, ...NOT_NEEDED, stopping: true } });
  } else if (mustAwait(draft, step)) change(draft, step, { detail: { ...step.detail, stopping: true } });
  else cancelStep(draft, step, NOT_NEEDED);
}

const NOT_NEEDED = { notNeeded: true } as const;

function together(draft: Draft, spec: GatherSpec, ok: readonly string[]): unknown {
  const { steps } = scopeOf(draft);
  const outputs = spec.from.map((id) => [id, ok.includes(id) ? (steps[id]?.output ?? null) : null] as const);
  return { ok: ok.length, failed: spec.from.length - ok.length, outputs: Object.fromEntries(outputs) };
}
