import { AppError, toAppError } from "@agentmesh/errors";

const SHOWN_CHARS = 300;

/** A status other than 200 as an error that says whether another try may help. */
export function errorOfStatus(
  provider: string,
  status: number,
  body: string,
  header: (name: string) => string | undefined,
  nowMs: number,
): AppError {
  const what = `${provider} answered ${status}: ${messageOf(body)}`;
  const retryAfterMs = readRetryAfter(header, nowMs);
  const options = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status === 429 && /insufficient_quota|billing/.test(body)) {
    return new AppError("FAILED_PRECONDITION", `${what}; its account is out of credit`, { reason: "PROVIDER_QUOTA" });
  }
  if (status === 429) return new AppError("RESOURCE_EXHAUSTED", what, { reason: "PROVIDER_RATE_LIMITED", ...options });
  if (status === 408 || status === 504) {
    return new AppError("DEADLINE_EXCEEDED", what, { reason: "PROVIDER_TIMEOUT", ...options });
  }
  if (status >= 500) return new AppError("UNAVAILABLE", what, { reason: "PROVIDER_UNAVAILABLE", ...options });
  if (status === 401 || status === 403) {
    return new AppError("FAILED_PRECONDITION", `${what}; check its API key`, { reason: "PROVIDER_AUTH" });
  }
  return new AppError("FAILED_PRECONDITION", what, { reason: "PROVIDER_REFUSED" });
}

/** A 200 that is no answer. The upstream is broken, so another try may help. */
export function malformed(provider: string, why: string, cause?: unknown): AppError {
  return new AppError("UNAVAILABLE", `${provider} answered 200 with ${why}`, { reason: "PROVIDER_MALFORMED", cause });
}

/** An error told in a body whose status was 200, or within a stream: by its code where it has one, else by its words. */
export function errorOfBody(provider: string, error: unknown): AppError {
  const { code, status, type } = error !== null && typeof error === "object" ? (error as BodyError) : {};
  const body = JSON.stringify(typeof error === "string" ? { error: { message: error } } : { error });
  const told = [status, code].map(Number).find((each) => each >= 400 && each <= 599);
  const words = `${type ?? ""} ${code ?? ""}`.toLowerCase();
  const guessed = WORDS.find(([pattern]) => pattern.test(words))?.[1];
  return errorOfStatus(provider, told ?? guessed ?? 502, body, () => undefined, 0);
}

type BodyError = { code?: unknown; status?: unknown; type?: unknown };

const WORDS: readonly [RegExp, number][] = [
  [/rate_limit|quota|billing/, 429],
  [/overloaded|unavailable|server_error|internal/, 503],
  [/time_?out/, 504],
  [/auth|api_key|permission/, 401],
  [/invalid|not_found|context_length|content_policy/, 400],
];

const NETWORK = /^(UND_ERR_|HPE_|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH)/;

/** What was thrown while calling: a network failure is UNAVAILABLE, a time-out DEADLINE_EXCEEDED, an abort CANCELLED. */
export function errorOfCall(provider: string, error: unknown, signal: AbortSignal, timeoutMs: number): AppError {
  if (error instanceof AppError) return error;
  if (signal.aborted) return toAppError(signal.reason, `calling ${provider}`);
  const name = error instanceof Error ? error.name : "";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (name === "TimeoutError" || code.includes("TIMEOUT")) {
    const what =
      code === "UND_ERR_BODY_TIMEOUT" ? "fell silent within its reply" : `did not answer within ${timeoutMs} ms`;
    return new AppError("DEADLINE_EXCEEDED", `${provider} ${what}`, {
      reason: "PROVIDER_TIMEOUT",
      cause: error,
    });
  }
  if (NETWORK.test(code) || name === "HTTPParserError") {
    const why = error instanceof Error ? error.message : code;
    return new AppError("UNAVAILABLE", `${provider} cannot be reached: ${why}`, {
      reason: "PROVIDER_UNAVAILABLE",
      cause: error,
    });
  }
  return toAppError(error, `calling ${provider}`);
}

function messageOf(body: string): string {
  try {
    const value: { error?: { message?: unknown } } = JSON.parse(body);
    if (typeof value.error?.message === "string") return value.error.message.slice(0, SHOWN_CHARS);
  } catch {
    // Not JSON: shown as it came.
  }
  return body.slice(0, SHOWN_CHARS) || "an empty body";
}

/** RFC 9110: seconds or a date; some providers add `retry-after-ms`. */
function readRetryAfter(header: (name: string) => string | undefined, nowMs: number): number | undefined {
  const exact = Number(header("retry-after-ms") || Number.NaN);
  if (exact >= 0) return exact;
  const text = header("retry-after");
  if (!text) return undefined;
  const seconds = Number(text);
  if (seconds < 0) return undefined;
  const waitMs = Number.isNaN(seconds) ? Date.parse(text) - nowMs : seconds * 1000;
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}
