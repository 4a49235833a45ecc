import type { CatalogMethod } from "@agentmesh/proto/catalog";

/** How often a retryable call is repeated by a sidecar. */
export const retryAttempts = 2;

/**
 * Failures in which the server did not take the call, or said that it cannot now. Neither `deadline-exceeded` nor
 * `5xx`: a slow server must not be asked twice.
 */
export const retryOn = "connect-failure,refused-stream,reset-before-request,unavailable";

/** RPCs that share a timeout and a retry rule, and so a route. */
export type CallClass = {
  readonly name: string;
  readonly timeoutMs: number;
  /** 0 wherever a repeat could be a second effect. Istio retries twice unless told so. */
  readonly attempts: number;
  readonly methods: readonly CatalogMethod[];
};

export function attemptsOf(method: CatalogMethod): number {
  return method.idempotency === "EFFECT" ? 0 : retryAttempts;
}

/** Splits RPCs into classes, shortest timeout first. */
export function callClasses(methods: readonly CatalogMethod[]): CallClass[] {
  const groups = Map.groupBy(methods, (method) => `${attemptsOf(method)}:${method.timeoutMs}`);
  return [...groups.values()]
    .flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const attempts = attemptsOf(first);
      const name = `${attempts > 0 ? "repeatable" : "once"}-${first.timeoutMs}ms`;
      return [{ name, timeoutMs: first.timeoutMs, attempts, methods: group }];
    })
    .sort((a, b) => a.timeoutMs - b.timeoutMs || a.attempts - b.attempts);
}
