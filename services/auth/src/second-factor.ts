import type { Context } from "./context.ts";
import { hashRecoveryCode } from "./credentials/recovery-code.ts";
import { type Cell, seal, unseal } from "./credentials/seal.ts";
import { isTotpCode, matchingStep } from "./credentials/totp.ts";
import type { SecondFactor } from "./domain/authentication.ts";
import type { Account } from "./store/accounts.ts";
import { readTotp, spendRecoveryCode, spendRecoveryCodeByName, spendTotpStep } from "./store/second-factors.ts";

type Owner = Pick<Account, "tenant" | "subject">;

export function sealTotp({ secondFactorKey }: Context, owner: Owner, secret: Buffer): Buffer {
  return seal(secondFactorKey, cellOf(owner), secret);
}

export function unsealTotp({ secondFactorKey }: Context, owner: Owner, sealed: Buffer): Buffer {
  return unseal(secondFactorKey, cellOf(owner), sealed);
}

/** What the code was, or undefined: it is wrong, or it was used before. Once taken it is spent, whatever comes of it. */
export async function spendCode(
  context: Context,
  owner: Owner,
  code: string,
  nowMs: number,
): Promise<SecondFactor | undefined> {
  const text = code.trim();
  if (isTotpCode(text)) return (await spendTotp(context, owner, text, nowMs)) ? "otp" : undefined;
  const hash = hashRecoveryCode(text);
  return hash && (await spendRecoveryCode(context.db, owner, hash)) ? "recovery" : undefined;
}

/** Whether a code is a recovery code of whoever has a user name; it is spent by this. Says nothing else. */
export async function spendRecoveryCodeOf(
  { db }: Context,
  attempt: { readonly tenant: string; readonly username: string },
  code: string,
): Promise<boolean> {
  const hash = hashRecoveryCode(code.trim());
  return hash !== undefined && (await spendRecoveryCodeByName(db, attempt, hash));
}

async function spendTotp(context: Context, owner: Owner, code: string, nowMs: number): Promise<boolean> {
  const totp = await readTotp(context.db, owner);
  if (!totp?.sealed) return false;
  const step = matchingStep(unsealTotp(context, owner, totp.sealed), code, nowMs, Number(totp.last_step));
  return step !== undefined && (await spendTotpStep(context.db, owner, step));
}

function cellOf({ tenant, subject }: Owner): Cell {
  return { table: "totp", field: "secret", record: `${tenant}/${subject}` };
}
