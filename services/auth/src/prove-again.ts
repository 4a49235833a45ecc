import { recordAudit } from "@agentmesh/audit";
import type { Transaction } from "@agentmesh/postgres";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "./context.ts";
import { remoteAddressOf } from "./remote-address.ts";
import type { Account } from "./store/accounts.ts";
import { clearGuard, readGuard } from "./store/sign-in-guards.ts";
import { badCode, countWrong, lockedError } from "./wrong-credentials.ts";

/**
 * Judges the code of somebody who has signed in as a sign-in judges passwords: a few at a time, counted together with
 * them, locked alike, and audited.
 *
 * @param judge what the code was, or undefined when it is wrong
 * @throws AppError UNAUTHENTICATED (BAD_CODE), RESOURCE_EXHAUSTED (SIGN_IN_LOCKED)
 */
export async function proveAgain<T>(
  context: Context,
  { tenant, username, subject }: Account,
  action: string,
  call: Call,
  judge: (at: Date) => Promise<T | undefined>,
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
    await context.db.transaction(async (tx) => {
      if (proof === undefined) await countWrong(context, tx, guard, at);
      else await clearGuard(tx, guard);
      await audit(tx, proof === undefined ? "denied" : "succeeded", proof === undefined ? "wrong_code" : "");
    });
    if (proof === undefined) throw badCode();
    return { proof, at };
  });
}
