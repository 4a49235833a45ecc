import { recordAudit } from "@agentmesh/audit";
import type { AppError } from "@agentmesh/errors";
import type { Transaction } from "@agentmesh/postgres";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "./context.ts";
import { remoteAddressOf } from "./remote-address.ts";
import type { Account } from "./store/accounts.ts";
import { clearGuard, closedUntil, readGuard } from "./store/sign-in-guards.ts";
import { badCode, countWrong, lockedError } from "./wrong-credentials.ts";

/**
 * Judges the code of somebody who has signed in as a sign-in judges passwords: a few at a time, counted together with
 * them, locked alike, and audited.
 *
 * @param judge what the code was, or undefined when it is wrong
 * @param refusal what is thrown when it is wrong. Default UNAUTHENTICATED (BAD_CODE)
 * @throws AppError the refusal, RESOURCE_EXHAUSTED (SIGN_IN_LOCKED)
 */
export async function proveAgain<T>(
  context: Context,
  { tenant, username, subject }: Account,
  action: string,
  call: Call,
  judge: (at: Date) => Promise<T | undefined>,
  refusal: () => AppError = badCode,
): Promise<{ readonly proof: T; readonly at: Date }> {
  return context.passwords.compareIn(async () => {
    const at = new Date();
    const audit = (tx: Transaction, outcome: "succeeded" | "denied", reason: string) =>
      recordAudit(
        tx,
        {
          tenant,
          service: "auth",
          subject,
          action,
          resource: `Account/${username}`,
          outcome,
          reason,
          requestId: call.requestId,
        },
        at,
      );
    const { source, lockedUntil } = await readGuard(context.db, { tenant, username, address: remoteAddressOf(call) });
    const guard = { tenant, username, source };
    if (lockedUntil && lockedUntil > at) {
      await context.db.transaction((tx) => audit(tx, "denied", "locked"));
      throw lockedError(lockedUntil, at);
    }
    const proof = await judge(at);
    const overtaken = await context.db.transaction(async (tx) => {
      const closed = proof === undefined ? await countWrong(context, tx, guard, at) : await closedUntil(tx, guard, at);
      if (proof !== undefined && !closed) await clearGuard(tx, guard);
      const wrong = proof === undefined ? "wrong_code" : "";
      await audit(tx, closed || wrong ? "denied" : "succeeded", closed ? "locked" : wrong);
      return closed;
    });
    if (overtaken) throw lockedError(overtaken, at);
    if (proof === undefined) throw refusal();
    return { proof, at };
  });
}
