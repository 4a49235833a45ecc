export type LockOutPolicy = {
  /** Wrong passwords in a row that cost nothing. */
  readonly freeFailures: number;
  readonly firstMs: number;
  readonly longestMs: number;
};

/** How long an account stays closed after so many wrong passwords in a row, in milliseconds. */
export function lockOutMs(failures: number, policy: LockOutPolicy): number {
  const counted = failures - policy.freeFailures;
  if (counted <= 0) return 0;
  return Math.min(policy.longestMs, policy.firstMs * 2 ** (counted - 1));
}
