import { inspectValue, type Policy } from "@agentmesh/inspect";
import { TraceEntry } from "@agentmesh/proto/runner";
import type { TraceEntry as Entry } from "../domain/reasoning/trace.ts";

/** As it is kept and shown to people: under the same policy as the answer. */
export function toTraceEntry(entry: Entry, policy: Policy): TraceEntry {
  return TraceEntry.fromPartial({ entry: caseOf(inspectValue(entry, policy).value) });
}

function caseOf(entry: Entry) {
  switch (entry.kind) {
    case "thought":
      return { $case: "thoughts" as const, value: { thoughts: [...entry.thoughts] } };
    case "plan":
      return { $case: "plan" as const, value: { steps: [...entry.steps] } };
    case "step":
      return { $case: "step" as const, value: { number: entry.number, step: entry.step, result: entry.result } };
    case "revision":
      return { $case: "revision" as const, value: { reason: entry.reason, steps: [...entry.steps] } };
    default:
      return entry satisfies never;
  }
}
