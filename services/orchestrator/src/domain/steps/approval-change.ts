import type { ApprovalChange, Approvers } from "../outcome.ts";
import type { StepState } from "../run-state.ts";
import type { SpecOf } from "../workflow-spec.ts";

export type ApprovalSpec = SpecOf<"approval">;

/** How an approval stands, for the table that people read. */
export function approvalChange(
  spec: ApprovalSpec,
  step: StepState,
  now: Pick<ApprovalChange, "state"> & Partial<ApprovalChange>,
): ApprovalChange {
  const { argsHash = "", escalated = 0, expiresAtMs } = step.detail;
  return {
    node: step.node,
    shard: step.shard,
    title: spec.title,
    argsHash,
    input: undefined,
    approvers: approversOf(spec, escalated),
    notByStarter: spec.notBy === "starter",
    expiresAtMs,
    escalated,
    by: "",
    comment: "",
    ...now,
  };
}

/** Those the definition names, and those added so far because nobody decided. */
export function approversOf(spec: ApprovalSpec, escalated: number): Approvers {
  const { subjects, roles } = spec.approvers ?? { subjects: [], roles: [] };
  // Whoever may decide anyway needs no addition: an escalation must not narrow.
  if (subjects.length === 0 && roles.length === 0) return { subjects, roles };
  const added = spec.escalate.slice(0, escalated);
  return {
    subjects: [...subjects, ...added.flatMap((one) => one.subjects)],
    roles: [...roles, ...added.flatMap((one) => one.roles)],
  };
}
