import { AppError } from "@agentmesh/errors";
import { canonicalJson } from "@agentmesh/ids";
import type { RunAgentRequest } from "@agentmesh/proto/runner";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { RunRequest } from "../run/run-request.ts";

const MAX_INPUT_CHARS = 256 * 1024;
const MAX_LABELS = 32;
const MAX_LABEL_CHARS = 256;

/** A call of RunAgent or StreamAgent as a run. @throws AppError INVALID_ARGUMENT */
export function readRequest(request: RunAgentRequest, call: Call): RunRequest {
  const { tenant, subject, department, project, actors } = requirePrincipal(call);
  return {
    caller: { tenant, subject, department, project, actors, token: call.token ?? "" },
    agent: request.agent,
    text: textOf(request.text, request.input),
    labels: checkedLabels(request.labels),
    useCache: !request.noCache,
    signal: call.signal,
    requestId: call.requestId,
    attempt: 1,
    stepKey: "",
  };
}

/**
 * What the agent reads: the text, or the structured input as JSON with sorted keys, so that equal inputs are equal.
 *
 * @throws AppError INVALID_ARGUMENT unless exactly one of the two is given, within its bound
 */
export function textOf(text: string, input: unknown): string {
  const hasInput = input !== undefined && input !== null;
  if (hasInput === (text !== "")) {
    throw new AppError("INVALID_ARGUMENT", `give text or input, not ${hasInput ? "both" : "neither"}`, {
      reason: "NO_INPUT",
      field: hasInput ? "input" : "text",
    });
  }
  const read = hasInput ? canonicalJson(input) : text.normalize("NFC").trim();
  if (read.length <= MAX_INPUT_CHARS) return read;
  throw new AppError("INVALID_ARGUMENT", `an input of ${read.length} characters; at most ${MAX_INPUT_CHARS}`, {
    reason: "TOO_LARGE",
    field: hasInput ? "input" : "text",
  });
}

function checkedLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(labels);
  const isTooLong = entries.some(([name, value]) => name.length + value.length > MAX_LABEL_CHARS);
  if (entries.length <= MAX_LABELS && !isTooLong) return labels;
  throw new AppError(
    "INVALID_ARGUMENT",
    `at most ${MAX_LABELS} labels of ${MAX_LABEL_CHARS} characters each, name and value`,
    { reason: "TOO_MANY_LABELS", field: "labels" },
  );
}
