import { hashOf } from "./hash.ts";

/** One server of a target, and what its calls showed. Times are a monotonic clock's milliseconds. */
export type Instance = {
  /** `host:port` as it is connected to. */
  readonly address: string;
  readonly weight: number;
  readonly hash: number;
  /** Calls under way, together with those picked in this turn of the event loop. */
  inFlight: number;
  /** Peak EWMA as of `latencyAtMs`; undefined until a call was answered. */
  latencyMs: number | undefined;
  latencyAtMs: number;
  /** EWMA over calls as of `errorsAtMs`, 0 to 1. */
  errorRate: number;
  errorsAtMs: number;
  readonly health: Health;
};

/** What ejection looks at. */
export type Health = {
  consecutiveErrors: number;
  windowFromMs: number;
  calls: number;
  errors: number;
  ejectedUntilMs: number;
  /** How often it was ejected lately; each doubles the next time out. */
  ejections: number;
};

/** How a call ended. Cancelled ones say nothing of the instance. */
export type Outcome = "ok" | "failed" | "cancelled";

// A tenth of a call's outcome counts at once: ten failures in a row make an error rate of two thirds.
const ERROR_SHARE = 0.1;

export function createInstance(address: string, weight = 1): Instance {
  const health = { consecutiveErrors: 0, windowFromMs: 0, calls: 0, errors: 0, ejectedUntilMs: 0, ejections: 0 };
  return {
    address,
    weight,
    hash: hashOf(address),
    inFlight: 0,
    latencyMs: undefined,
    latencyAtMs: 0,
    errorRate: 0,
    errorsAtMs: 0,
    health,
  };
}

/**
 * Peak EWMA (Finagle's): a slower call is believed at once, faster ones as time passes. A failure never makes an
 * instance look faster, or one that fails at once would draw all calls.
 */
export function recordLatency(
  instance: Instance,
  tookMs: number,
  failed: boolean,
  nowMs: number,
  decayMs: number,
): void {
  const { latencyMs } = instance;
  if (latencyMs === undefined) {
    if (failed) return;
    instance.latencyMs = tookMs;
  } else if (tookMs >= latencyMs) {
    instance.latencyMs = tookMs;
  } else {
    if (failed) return;
    const kept = decay(nowMs - instance.latencyAtMs, decayMs);
    instance.latencyMs = latencyMs * kept + tookMs * (1 - kept);
  }
  instance.latencyAtMs = nowMs;
}

export function recordError(instance: Instance, failed: boolean, nowMs: number, decayMs: number): void {
  const before = errorRateAt(instance, nowMs, decayMs);
  instance.errorRate = before + ((failed ? 1 : 0) - before) * ERROR_SHARE;
  instance.errorsAtMs = nowMs;
}

/** Falls towards zero without calls, so that an instance that was slow once is tried again. */
export function latencyAt(instance: Instance, nowMs: number, decayMs: number): number | undefined {
  const { latencyMs } = instance;
  return latencyMs === undefined ? undefined : latencyMs * decay(nowMs - instance.latencyAtMs, decayMs);
}

export function errorRateAt(instance: Instance, nowMs: number, decayMs: number): number {
  return instance.errorRate === 0 ? 0 : instance.errorRate * decay(nowMs - instance.errorsAtMs, decayMs);
}

function decay(forMs: number, decayMs: number): number {
  return forMs <= 0 ? 1 : Math.exp(-forMs / decayMs);
}
