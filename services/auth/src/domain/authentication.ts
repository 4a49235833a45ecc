/** How and when a caller last proved who they are. */
export type Authentication = {
  /** Methods as RFC 8176 names them. `mfa` stands for a second factor, whichever it was. */
  readonly amr: readonly string[];
  readonly atMs: number;
};

/** Of callers who prove nothing themselves: API keys, and workloads that act for an account. */
export const noAuthentication: Authentication = { amr: [], atMs: 0 };

const SECOND_FACTOR = "mfa";

export function secondFactorAtMs({ amr, atMs }: Authentication): number | undefined {
  return amr.includes(SECOND_FACTOR) ? atMs : undefined;
}

export type SecondFactor = "otp" | "recovery";

/** The methods of a session once a second factor was given. RFC 8176 has no word for recovery codes. */
export function withSecondFactor(amr: readonly string[], factor: SecondFactor): string[] {
  return [...new Set([...amr, ...(factor === "otp" ? ["otp"] : []), SECOND_FACTOR])];
}
