import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import type { ConfirmSecurityKeyReply, ConfirmSecurityKeyRequest } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import { assertRecent } from "../assert-recent.ts";
import type { Context } from "../context.ts";
import { hashRecoveryCode, newRecoveryCodes } from "../credentials/recovery-code.ts";
import type { KnownKey } from "../credentials/webauthn.ts";
import { ownSession, stepUpSession } from "../own-session.ts";
import { proveAgain } from "../prove-again.ts";
import { badKey, madeKey, takeAskedIn, toSecurityKey } from "../security-keys.ts";
import { accountKey } from "../state/find-account.ts";
import type { Account } from "../store/accounts.ts";
import { replaceRecoveryCodes } from "../store/second-factors.ts";
import { insertSecurityKey, listSecurityKeys, requireSecondFactor } from "../store/security-keys.ts";
import { lockTenant } from "../store/tenants.ts";
import { MAX_SECURITY_KEYS, tooManyKeys } from "./enrol-security-key.ts";

const MAX_NAME = 100;

/** The browser's answer shows that the key is there; from now on sign-ins ask for the second factor. */
export async function confirmSecurityKey(
  context: Context,
  { handle, credential, name }: ConfirmSecurityKeyRequest,
  call: Call,
): Promise<ConfirmSecurityKeyReply> {
  const own = await ownSession(context, call);
  const { account, session } = own;
  assertRecent(context, own, new Date());
  if (name.trim() === "" || name.length > MAX_NAME) {
    throw new AppError("INVALID_ARGUMENT", `name: expected 1 to ${MAX_NAME} characters that tell the key from others`, {
      reason: "BAD_NAME",
      field: "name",
    });
  }
  await takeAskedIn(context, session, handle, "enrol");
  const judge = () => madeKey(context, account, handle, credential);
  const { proof, at } = await proveAgain(context, account, "second_factor.confirm", call, judge, badKey);
  const { key, recoveryCodes } = await store(context, account, { made: proof, name: name.trim(), at }, call.requestId);
  context.accounts.forget(accountKey(account.tenant, account.subject));
  return { key: toSecurityKey(key), recoveryCodes, tokens: await stepUpSession(context, own, "key", at, call) };
}

async function store(
  { db }: Context,
  { tenant, subject, username }: Account,
  { made, name, at }: { made: KnownKey; name: string; at: Date },
  requestId: string,
) {
  const key = {
    tenant,
    subject,
    credential_id: made.id,
    public_key: made.publicKey,
    counter: BigInt(made.counter),
    transports: made.transports,
    name,
    created_at: at,
    last_used_at: null,
  };
  const recoveryCodes = await db.transaction(async (tx) => {
    await lockTenant(tx, tenant, `security-keys/${subject}`);
    if ((await listSecurityKeys(tx, { tenant, subject })).length >= MAX_SECURITY_KEYS) throw tooManyKeys();
    if (!(await insertSecurityKey(tx, key))) throw keyTaken();
    const codes = (await requireSecondFactor(tx, { tenant, subject }, at)) ? newRecoveryCodes() : [];
    const hashes = codes.map(hashRecoveryCode).filter((hash) => hash !== undefined);
    if (hashes.length > 0) await replaceRecoveryCodes(tx, { tenant, subject }, hashes);
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject,
        action: "second_factor.enrolled",
        resource: `Account/${username}`,
        outcome: "succeeded",
        reason: `security key ${JSON.stringify(name)}`,
        requestId,
      },
      at,
    );
    return codes;
  });
  return { key, recoveryCodes };
}

function keyTaken(): AppError {
  return new AppError("CONFLICT", "this security key is set up already; take another one", {
    reason: "SECURITY_KEY_TAKEN",
    field: "credential",
  });
}
