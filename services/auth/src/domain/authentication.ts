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

/** A code of an app, a signature of a security key, or a recovery code. */
export type SecondFactor = "otp" | "key" | "recovery";

/** RFC 8176's words. It has none for recovery codes; whether a key is hardware is not asked, so it only proves possession. */
const methods = { otp: ["otp"], key: ["pop"], recovery: [] } as const;

/** The methods of a session once a second factor was given. */
export function withSecondFactor(amr: readonly string[], factor: SecondFactor): string[] {
  return [...new Set([...amr, ...methods[factor], SECOND_FACTOR])];
}
