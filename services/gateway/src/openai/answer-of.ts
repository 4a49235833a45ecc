import { AppError, type ErrorCode, errorCodes } from "@agentmesh/errors";
import { type AgentRun, AgentRun_State } from "@agentmesh/proto/runner";

/** What a run answered. @throws AppError for one that did not succeed, with its own reason */
export function answerOf(run: AgentRun): string {
  if (run.state === AgentRun_State.SUCCEEDED) return run.text;
  throw failureOf(run);
}

export function failureOf({ id, state, failure }: AgentRun): AppError {
  if (state === AgentRun_State.CANCELLED) return new AppError("CANCELLED", `run ${id} was cancelled`);
  const message = failure?.message || `run ${id} failed`;
  const code = codeOf(failure?.code ?? "", failure?.retryable ?? false);
  const reason = failure?.code || "RUN_FAILED";
  return new AppError(code, message, { reason, field: FIELDS.get(reason) ?? "" });
}

/** Which of the caller's words a failure is about. */
const FIELDS: ReadonlyMap<string, string> = new Map([["SESSION_MOVED_ON", "previous_response_id"]]);

/** A failure's code is the mesh's or a reason; of a reason only whether trying again may help is known. */
function codeOf(code: string, isRetryable: boolean): ErrorCode {
  const known = errorCodes.find((one) => one === code);
  return known ?? (isRetryable ? "UNAVAILABLE" : "FAILED_PRECONDITION");
}
