import type { Metrics } from "@agentmesh/telemetry";

export const balancePolicies = [
  "round_robin",
  "weighted_round_robin",
  "least_connections",
  "least_response_time",
  "consistent_hash",
  "adaptive",
] as const;

export type BalancePolicy = (typeof balancePolicies)[number];

/** How calls to one target are spread over its instances. */
export type BalanceSettings = {
  readonly policy: BalancePolicy;
  /**
   * What consistent_hash keeps together: the `tenant` or sign-in `session` the call is for, or `call`: only what the
   * call itself names as `balanceKey`, which always wins. Default tenant. Calls without a key go round.
   */
  readonly key?: "tenant" | "session" | "call" | undefined;
  /** Shares by `host:port` as it is written or resolved; all policies but round_robin heed them. Default 1 each. */
  readonly weights?: Readonly<Record<string, number>> | undefined;
  /** consistent_hash: how far above the mean an instance's calls under way may be, ≥ 1. Default 1.25. */
  readonly loadFactor?: number | undefined;
  /** How fast a measured latency or error is forgotten (time constant), in milliseconds. Default 10 000. */
  readonly decayMs?: number | undefined;
  /** Between look-ups of DNS names, in milliseconds. Default 30 000. */
  readonly resolveEveryMs?: number | undefined;
  readonly outliers?: OutlierSettings | undefined;
};

/** When an instance that answers badly gets no calls for a while. */
export type OutlierSettings = {
  /** Failed calls in a row that eject. Default 5; 0: none do. */
  readonly consecutiveErrors?: number | undefined;
  /** The part of an instance's calls in `windowMs` that may fail. Default 0.5; 1: any. */
  readonly errorRate?: number | undefined;
  /** Calls in `windowMs` below which `errorRate` says nothing. Default 20. */
  readonly minCalls?: number | undefined;
  /** Default 10 000. */
  readonly windowMs?: number | undefined;
  /** The first time out, in milliseconds; doubles with each that follows. Default 5 000. */
  readonly ejectMs?: number | undefined;
  /** The longest time out, in milliseconds. Default 300 000. */
  readonly maxEjectMs?: number | undefined;
  /** The part of all instances that may be out at a time; one always stays. Default 0.5. */
  readonly maxEjectedShare?: number | undefined;
  /** With a smaller part of all instances usable, ejections are ignored. Default 0.3. */
  readonly panicShare?: number | undefined;
};

/** Settings together with what the calls are counted by. */
export type Balance = BalanceSettings & {
  /** Label of the metrics; a service's name. Default the address as it is written. */
  readonly target?: string;
  /** Default: nothing is counted. */
  readonly metrics?: Metrics;
  /** All addresses of a host name. Default: the operating system's look-up. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
};
