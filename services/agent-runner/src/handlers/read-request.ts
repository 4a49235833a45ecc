import { AppError } from "@agentmesh/errors";
import { canonicalJson } from "@agentmesh/ids";
import type { RunAgentRequest } from "@agentmesh/proto/runner";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Caller, RunRequest } from "../run/run-request.ts";
import { readHistory } from "./read-history.ts";
import { readParts } from "./read-parts.ts";

const MAX_INPUT_CHARS = 256 * 1024;
const MAX_LABELS = 32;
const MAX_LABEL_CHARS = 256;

/** A call of RunAgent or StreamAgent as a run. @throws AppError INVALID_ARGUMENT */
export function readRequest(request: RunAgentRequest, call: Call): RunRequest {
  const { tenant, subject, department, project, actors, permissions } = requirePrincipal(call);
  const caller = { tenant, subject, department, project, actors, permissions, token: call.token ?? "" };
  return requestOf(request, caller, call);
}

/** The same for a request that was kept. */
export function requestOf(
  request: RunAgentRequest,
  caller: Caller,
  { signal, requestId }: Pick<Call, "signal" | "requestId">,
): RunRequest {
  return {
    caller,
    agent: request.agent,
    ...inputOf(request),
    history: readHistory(request.history),
    afterRun: request.afterRun,
    labels: checkedLabels(request.labels),
    useCache: !request.noCache,
    signal,
    requestId,
    attempt: 1,
    stepKey: "",
  };
}

/** Text and media of a request; text parts come after `text` or `input`. */
function inputOf({ text, input, parts }: RunAgentRequest): Pick<RunRequest, "text" | "media"> {
  if (parts.length === 0) return { text: textOf(text, input) };
  const read = readParts(parts);
  const given = text === "" && (input === undefined || input === null) ? "" : textOf(text, input);
  return { text: bounded([given, read.text].filter(Boolean).join("\n\n"), "parts"), media: read.media };
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
  return bounded(read, hasInput ? "input" : "text");
}

function bounded(text: string, field: string): string {
  if (text.length <= MAX_INPUT_CHARS) return text;
  throw new AppError("INVALID_ARGUMENT", `an input of ${text.length} characters; at most ${MAX_INPUT_CHARS}`, {
    reason: "TOO_LARGE",
    field,
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
