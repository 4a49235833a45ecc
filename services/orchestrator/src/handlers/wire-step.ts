import { StepKind as WireKind, StepPhase as WirePhase, StepState as WireState } from "@agentmesh/proto/orchestrator";
import type { Plan } from "../domain/plan.ts";
import type { RunState, StepPhase, StepState } from "../domain/run-state.ts";
import type { StepKind } from "../domain/workflow-spec.ts";
import type { Room } from "./wire-values.ts";

const states: Readonly<Record<StepPhase, WireState>> = {
  pending: WireState.PENDING,
  ready: WireState.READY,
  dispatched: WireState.DISPATCHED,
  running: WireState.RUNNING,
  waiting: WireState.WAITING,
  in_doubt: WireState.IN_DOUBT,
  succeeded: WireState.SUCCEEDED,
  failed: WireState.FAILED,
  skipped: WireState.SKIPPED,
  cancelled: WireState.CANCELLED,
};

const kinds: Readonly<Record<StepKind, WireKind>> = {
  agent: WireKind.AGENT,
  tool: WireKind.TOOL,
  workflow: WireKind.WORKFLOW,
  team: WireKind.TEAM,
  map: WireKind.MAP,
  gather: WireKind.GATHER,
  branch: WireKind.BRANCH,
  approval: WireKind.APPROVAL,
  wait: WireKind.WAIT,
  emit: WireKind.EMIT,
  route: WireKind.ROUTE,
};

const UNDO = "~undo";

/** Input and output of a step as far as they were read. */
export type StepValues = {
  readonly input?: unknown;
  readonly inputCut?: boolean;
  readonly outputCut?: boolean;
};

/** A step as callers see it. */
export function toWireStep(plan: Plan, run: RunState, step: StepState, values: StepValues, room: Room) {
  const spec = plan.byId.get(step.node)?.spec;
  const input = room.take(values.input);
  const output = room.take(step.output);
  const { counts, child, argsHash, gate, target } = step.detail;
  return {
    node: step.node,
    shard: step.shard,
    state: stateOf(run, step),
    epoch: step.epoch,
    attempt: step.attempt,
    worker: step.worker,
    input: input.value,
    inputCut: input.cut || values.inputCut === true,
    output: output.value,
    outputCut: output.cut || values.outputCut === true,
    failure: step.failure,
    startedAt: date(step.startedAtMs),
    endedAt: date(step.endedAtMs),
    costNanoUsd: step.costNanoUsd,
    kind: spec ? kinds[spec.kind] : WireKind.UNSPECIFIED,
    dependsOn: spec ? [...spec.dependsOn, ...(spec.kind === "gather" ? spec.from : [])] : [],
    phase: step.node.endsWith(UNDO) ? WirePhase.COMPENSATE : WirePhase.FORWARD,
    progress: counts && { total: counts.total, ok: counts.ok, failed: counts.failed, open: counts.open },
    childRunId: child ?? "",
    argsHash: argsHash ?? "",
    gate: gate ?? "",
    target: target ?? "",
  };
}

/** A step that never left waiting is as good as cancelled when its run has ended. */
function stateOf(run: RunState, step: StepState): WireState {
  const isLive = run.phase === "running" || run.phase === "compensating";
  return step.state === "pending" && !isLive ? WireState.CANCELLED : states[step.state];
}

/** As it is stored; empty for all. */
export function toStepState(state: WireState): string {
  return Object.entries(states).find(([, wire]) => wire === state)?.[0] ?? "";
}

export function date(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}
