import { type Step, StepPhase, StepState } from "@agentmesh/proto/orchestrator";
import { count } from "./money.ts";
import { stateName } from "./state.ts";

const MARKS: Readonly<Record<string, string>> = {
  succeeded: "✓",
  failed: "✗",
  running: "●",
  waiting: "◐",
  dispatched: "◌",
  ready: "◌",
  in_doubt: "?",
  skipped: "-",
  cancelled: "⊘",
};

/** One character for a step's state. */
export function markOf({ state }: Step): string {
  return MARKS[stateName(state)] ?? "○";
}

const UNDO = "~undo";

export function isUndo({ phase }: Step): boolean {
  return phase === StepPhase.COMPENSATE;
}

/** `charge`, or `undo charge`. */
export function labelOf({ node }: Step): string {
  return node.endsWith(UNDO) ? `undo ${node.slice(0, -UNDO.length)}` : node;
}

/** The steps that one comes after, without the cases it names. */
export function afterOf({ dependsOn }: Step): string[] {
  return dependsOn.map((text) => text.split(":")[0] ?? text);
}

/** `312 of 1,000 done, 3 failed, 20 at work`; empty for a step without items. */
export function progressText({ progress, state }: Step): string {
  if (!progress) return "";
  const { total, ok, failed, open } = progress;
  const parts = [`${count(ok + failed)} of ${count(total)} done`];
  if (failed > 0) parts.push(`${count(failed)} failed`);
  if (open > 0 && state === StepState.WAITING) parts.push(`${count(open)} at work`);
  return parts.join(", ");
}

/** What a table says beside a step. */
export function noteOf(step: Step): string {
  const { failure, childRunId, target, gate, dependsOn, state } = step;
  const waits = state === StepState.WAITING;
  const isTaken = state !== StepState.PENDING && state !== StepState.SKIPPED;
  const cases = (isTaken ? [] : dependsOn).flatMap((text) => {
    const [branch, name] = text.split(":");
    return name === undefined ? [] : [`only if ${branch} is ${name}`];
  });
  return [
    failure ? `${failure.code}: ${failure.message}` : "",
    progressText(step),
    waits && step.argsHash !== "" ? "waits for a decision" : "",
    target === "" ? "" : `chosen: ${target}`,
    gate === "failed" ? "below its gate" : "",
    childRunId === "" || failure?.message.includes(childRunId) ? "" : `run ${childRunId}`,
    ...cases,
  ]
    .filter(Boolean)
    .join(" · ");
}
