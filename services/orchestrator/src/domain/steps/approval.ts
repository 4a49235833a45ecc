import { canonicalJson, sha256Hex } from "@agentmesh/ids";
import { change, type Draft, head, say } from "../draft.ts";
import type { Refusal } from "../outcome.ts";
import type { StepState } from "../run-state.ts";
import { failStep, succeedStep } from "../settle.ts";
import { MAX_EVENT_BYTES, readyStep } from "../start-work.ts";
import { type ApprovalSpec, approvalChange, approversOf } from "./approval-change.ts";

// An approval: unlocks by asking, with a hash of exactly what is asked; waits for one decision; others may decide too
// as time passes (escalation); settles with the decision or when its time is over.

export function unlockApproval(draft: Draft, spec: ApprovalSpec, input: unknown): void {
  const { nowMs } = draft.environment;
  const ready = readyStep(draft, head(spec.id), input, MAX_EVENT_BYTES);
  if (!ready) return;
  const { id } = draft.run;
  const argsHash = sha256Hex(canonicalJson({ run: id, node: spec.id, shard: 0, input }));
  const expiresAtMs = nowMs + spec.timeoutMs;
  const step = change(draft, ready, {
    state: "waiting",
    readyAtMs: undefined,
    startedAtMs: nowMs,
    detail: { ...ready.detail, argsHash, expiresAtMs, escalated: 0 },
  });
  draft.approvals.push(approvalChange(spec, step, { state: "pending", input: JSON.stringify(input) }));
  say(draft, "approval.requested", spec.id, { title: spec.title, argsHash, expiresAtMs });
}

/** A person's answer to an approval. Whether `roles` are those of `by` is for the caller to know. */
export type Decision = {
  readonly kind: "decide";
  readonly node: string;
  readonly shard: number;
  readonly approve: boolean;
  /** Subject. */
  readonly by: string;
  readonly roles: readonly string[];
  readonly comment: string;
  /** Of what the person saw. */
  readonly argsHash: string;
};

/** Takes a decision, or says why not. */
export function decide(draft: Draft, decision: Decision): Refusal | undefined {
  const step = draft.steps.get(decision.node);
  const spec = draft.plan.byId.get(decision.node)?.spec;
  if (!step || spec?.kind !== "approval" || decision.shard !== 0) {
    const message = `the run ${draft.run.id} asks for no approval ${decision.node} now; list approvals to see what waits`;
    return { code: "NOT_FOUND", reason: "APPROVAL_NOT_FOUND", message };
  }
  const refusal = whyNot(draft, spec, step, decision);
  if (refusal) return refusal;
  const { approve, by, comment } = decision;
  const state = approve ? "approved" : "rejected";
  draft.approvals.push(approvalChange(spec, step, { state, by, comment }));
  say(draft, "approval.decided", spec.id, { state, by, comment, argsHash: decision.argsHash });
  if (approve) {
    const at = new Date(draft.environment.nowMs).toISOString();
    succeedStep(draft, step, { approved: true, by, comment, at }, {});
  } else {
    const message = `${by} rejected it${comment ? `: ${comment}` : ""}`;
    failStep(draft, step, { code: "APPROVAL_REJECTED", message, retryable: false });
  }
  return undefined;
}

function whyNot(draft: Draft, spec: ApprovalSpec, step: StepState, decision: Decision): Refusal | undefined {
  const { by, roles, argsHash } = decision;
  if (step.state !== "waiting") {
    const message = `the approval ${spec.id} is ${step.state}: it was decided, has expired or is no longer needed`;
    return { code: "FAILED_PRECONDITION", reason: "ALREADY_DECIDED", message };
  }
  if (argsHash !== step.detail.argsHash) {
    const message = `the decision is about ${argsHash || "nothing"}, and what is asked now has the hash ${step.detail.argsHash}; look at it again`;
    return { code: "FAILED_PRECONDITION", reason: "ARGS_CHANGED", message };
  }
  if (spec.notBy === "starter" && by === draft.run.startedBy) {
    const message = `${by} started the run, and the approval ${spec.id} must come from someone else`;
    return { code: "PERMISSION_DENIED", reason: "FOUR_EYES", message };
  }
  const approvers = approversOf(spec, step.detail.escalated ?? 0);
  const anyone = approvers.subjects.length === 0 && approvers.roles.length === 0;
  if (anyone || approvers.subjects.includes(by) || approvers.roles.some((role) => roles.includes(role)))
    return undefined;
  const who = [...approvers.subjects, ...approvers.roles.map((role) => `role ${role}`)].join(", ");
  const message = `${by} may not decide ${spec.id}; it is for ${who}`;
  return { code: "PERMISSION_DENIED", reason: "NOT_AN_APPROVER", message };
}

export function tickApproval(draft: Draft, spec: ApprovalSpec, step: StepState): void {
  const { nowMs } = draft.environment;
  if (nowMs >= (step.detail.expiresAtMs ?? Number.POSITIVE_INFINITY)) {
    expire(draft, spec, step);
    return;
  }
  const escalated = spec.escalate.filter((one) => nowMs >= (step.startedAtMs ?? 0) + one.afterMs).length;
  if (escalated <= (step.detail.escalated ?? 0)) return;
  const now = change(draft, step, { detail: { ...step.detail, escalated } });
  const pending = approvalChange(spec, now, { state: "pending" });
  draft.approvals.push(pending);
  say(draft, "approval.escalated", spec.id, { escalated, ...pending.approvers });
}

function expire(draft: Draft, spec: ApprovalSpec, step: StepState): void {
  draft.notes.push("expired");
  draft.approvals.push(approvalChange(spec, step, { state: "expired" }));
  say(draft, "approval.decided", spec.id, { state: "expired", by: "", comment: "", argsHash: step.detail.argsHash });
  const code = spec.onTimeout === "reject" ? "APPROVAL_REJECTED" : "APPROVAL_EXPIRED";
  failStep(draft, step, { code, message: `nobody decided within ${spec.timeoutMs} ms`, retryable: false });
}

export function approvalWakeMs(spec: ApprovalSpec, step: StepState): number {
  const times = spec.escalate.slice(step.detail.escalated ?? 0).map((one) => (step.startedAtMs ?? 0) + one.afterMs);
  return Math.min(step.detail.expiresAtMs ?? Number.POSITIVE_INFINITY, ...times);
}
