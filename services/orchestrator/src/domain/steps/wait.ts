import { sha256Hex } from "@agentmesh/ids";
import { lookUp, parsePath } from "@agentmesh/mapping";
import { change, type Draft, head, say } from "../draft.ts";
import type { PlannedStep } from "../plan/planned-step.ts";
import type { StepState } from "../run-state.ts";
import type { Scope } from "../scope.ts";
import { failStep, succeedStep } from "../settle.ts";
import type { SpecOf } from "../workflow-spec.ts";

// A wait: unlocks by noting the time it fires at, or what an event must carry; settles at the time, with the event, or
// when its own time is over.

type WaitSpec = SpecOf<"wait">;

/** An event that a step waits for. */
export type EventArrived = {
  readonly kind: "event";
  readonly node: string;
  readonly shard: number;
  readonly event: { readonly id: string; readonly type: string; readonly data: unknown; readonly time: string };
};

export function unlockWait(draft: Draft, planned: PlannedStep, spec: WaitSpec, scope: Scope): void {
  if (spec.event) waitForEvent(draft, planned, spec, spec.event, scope);
  else waitForTime(draft, planned, spec, scope);
}

function waitForEvent(
  draft: Draft,
  planned: PlannedStep,
  spec: WaitSpec,
  { publisher, type, match }: NonNullable<WaitSpec["event"]>,
  scope: Scope,
): void {
  const { nowMs } = draft.environment;
  const key = planned.key ? keyOf(planned.key(scope)) : "";
  note(draft, spec, { event: type, publisher, ...(match !== undefined && { match, equals: key }) });
  const step = waiting(draft, spec, { key, ...(spec.timeoutMs && { expiresAtMs: nowMs + spec.timeoutMs }) });
  draft.eventWaits.push({ node: step.node, shard: step.shard, publisher, type, match, key });
  say(draft, "step.waiting", spec.id, { event: type, publisher, ...(match !== undefined && { match, key }) });
}

function waitForTime(draft: Draft, planned: PlannedStep, spec: WaitSpec, scope: Scope): void {
  const { nowMs } = draft.environment;
  const until = planned.subject?.(scope);
  const firesAtMs =
    spec.timerMs === undefined ? Date.parse(typeof until === "string" ? until : "") : nowMs + spec.timerMs;
  note(draft, spec, { until: Number.isFinite(firesAtMs) ? new Date(firesAtMs).toISOString() : null });
  const step = waiting(draft, spec, Number.isFinite(firesAtMs) ? { firesAtMs } : {});
  if (!Number.isFinite(firesAtMs)) {
    const message = `${spec.until} leads to ${JSON.stringify(until)?.slice(0, 100)}, which is no time such as 2026-12-01T09:00:00Z`;
    failStep(draft, step, { code: "INVALID_ARGUMENT", message, retryable: false });
    return;
  }
  say(draft, "step.waiting", spec.id, { firesAtMs });
  tickWait(draft, spec, step);
}

/** What it waits for stands as its input, for people. */
function note(draft: Draft, spec: WaitSpec, what: object): void {
  draft.inputs.set(spec.id, JSON.stringify(what));
}

function waiting(draft: Draft, spec: WaitSpec, detail: StepState["detail"]): StepState {
  const known = draft.steps.get(spec.id)?.detail;
  return change(draft, head(spec.id), {
    state: "waiting",
    startedAtMs: draft.environment.nowMs,
    detail: { ...known, ...detail },
  });
}

/** Whether the event is the one that the step waits for. */
export function takeEvent(draft: Draft, { node, event }: EventArrived): boolean {
  const step = draft.steps.get(node);
  const spec = draft.plan.byId.get(node)?.spec;
  if (step?.state !== "waiting" || spec?.kind !== "wait" || spec.event?.type !== event.type) return false;
  if (spec.event.match !== undefined && eventKey(event, spec.event.match) !== step.detail.key) return false;
  const { id, type, data, time } = event;
  succeedStep(draft, step, { event: { id, type, data, time } }, { eventId: id });
  return true;
}

/** What an event carries at a path, as a key. "" for nothing, which matches no wait. */
export function eventKey(event: object, match: string): string {
  return keyOf(lookUp(parsePath(match), event));
}

// An index of PostgreSQL takes no entry above 2704 bytes, and no text of it a NUL.
const MAX_KEY_CHARS = 256;

/** The text itself, or JSON; of what no index could hold, its hash. */
function keyOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > MAX_KEY_CHARS || text.includes("\0") ? `sha256:${sha256Hex(text)}` : text;
}

export function tickWait(draft: Draft, spec: WaitSpec, step: StepState): void {
  const { nowMs } = draft.environment;
  const { firesAtMs, expiresAtMs } = step.detail;
  if (firesAtMs !== undefined && nowMs >= firesAtMs) {
    succeedStep(draft, step, { firedAt: new Date(nowMs).toISOString() }, {});
  } else if (expiresAtMs !== undefined && nowMs >= expiresAtMs) {
    draft.notes.push("expired");
    const message = `no event ${spec.event?.type} came within ${spec.timeoutMs} ms`;
    failStep(draft, step, { code: "WAIT_EXPIRED", message, retryable: false });
  }
}

export function waitWakeMs({ detail: { firesAtMs, expiresAtMs } }: StepState): number {
  return firesAtMs ?? expiresAtMs ?? Number.POSITIVE_INFINITY;
}
