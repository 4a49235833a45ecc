import { recordAudit } from "@agentmesh/audit";
import { emit } from "@agentmesh/bus";
import type { Transaction } from "@agentmesh/postgres";
import { signInAttemptedEvent } from "@agentmesh/proto/auth.contract";

export type SignInOutcome =
  | "succeeded"
  | "wrong_password"
  | "locked"
  | "disabled"
  | "unknown_user"
  | "second_factor_required"
  | "wrong_code"
  | "provider_refused";

export type SignInAttempt = {
  readonly tenant: string;
  /** Empty: no account has the name. */
  readonly subject: string;
  readonly username: string;
  readonly address: string;
  readonly outcome: SignInOutcome;
  readonly requestId: string;
};

/** Audit and event of one attempt, in the transaction that counts it. */
export async function recordSignIn(tx: Transaction, attempt: SignInAttempt, at: Date): Promise<void> {
  const { tenant, subject, username, address, outcome, requestId } = attempt;
  const succeeded = outcome === "succeeded";
  await recordAudit(
    tx,
    {
      tenant,
      service: "auth",
      subject: subject || "anonymous",
      action: "session.sign_in",
      resource: `Account/${username}`,
      outcome: succeeded ? "succeeded" : "denied",
      reason: succeeded ? "" : outcome,
      requestId,
    },
    at,
  );
  // A right password is the first half of an attempt; failures are what alerts count.
  if (outcome === "second_factor_required") return;
  await emit(tx, signInAttemptedEvent, {
    tenant,
    data: { username, succeeded, reason: succeeded ? "" : outcome, remoteAddress: address },
  });
}

/** A session that an operator made beside every way to sign in; `break_glass` is the reason that alerts look for. */
export async function recordBreakGlass(
  tx: Transaction,
  { tenant, username }: { readonly tenant: string; readonly username: string },
): Promise<void> {
  const data = { username, succeeded: true, reason: "break_glass", remoteAddress: "" };
  await emit(tx, signInAttemptedEvent, { tenant, data });
}
