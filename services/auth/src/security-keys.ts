import { createHash, randomBytes } from "node:crypto";
import { AppError, describeError } from "@agentmesh/errors";
import type { SecurityKey, SecurityKeyChallenge } from "@agentmesh/proto/auth";
import type { Context } from "./context.ts";
import { credentialIdOf, type KnownKey } from "./credentials/webauthn.ts";
import type { Account } from "./store/accounts.ts";
import {
  type ChallengePurpose,
  insertChallenge,
  type PendingChallenge,
  takeChallenge,
} from "./store/security-key-challenges.ts";
import { listSecurityKeys, noteSecurityKeyUse, type StoredSecurityKey } from "./store/security-keys.ts";

const HANDLE_BYTES = 32;
const HANDLE = /^[\w-]{43}$/;

type Ask = {
  readonly account: Account;
  readonly purpose: ChallengePurpose;
  /** The session it belongs to; null: none yet. */
  readonly sessionId: string | null;
};

/**
 * What a browser is to sign for a setup, a sign-in or a step-up. The challenge follows from the handle, of which only a
 * hash is kept: neither the page that signs nor who reads the table can finish it.
 */
export async function askSecurityKey(
  { db, config, webAuthn }: Context,
  { account, purpose, sessionId }: Ask,
  keys: readonly StoredSecurityKey[],
): Promise<SecurityKeyChallenge> {
  if (!webAuthn.enabled) throw turnedOff();
  const handle = randomBytes(HANDLE_BYTES).toString("base64url");
  const timeoutMs = config.securityKeys.challengeS * 1000;
  const expiresAt = new Date(Date.now() + timeoutMs);
  const { tenant, subject, username, display_name: displayName } = account;
  const asked = { challenge: challengeOf(handle), timeoutMs };
  const known = keys.map(toKnown);
  const options =
    purpose === "enrol"
      ? await webAuthn.creationOptions({ subject, username, displayName }, known, asked)
      : await webAuthn.requestOptions(known, asked);
  await db.transaction((tx) =>
    insertChallenge(tx, {
      state: stateOf(handle),
      tenant,
      subject,
      purpose,
      session_id: sessionId,
      expires_at: expiresAt,
    }),
  );
  return { handle, options: { ...options }, expiresAt };
}

/**
 * What was asked for under a handle, which is spent by this.
 *
 * @throws AppError UNAUTHENTICATED (NO_CHALLENGE)
 */
export async function takeAsked(
  { db }: Context,
  handle: string,
  purpose: ChallengePurpose,
  at: Date,
): Promise<PendingChallenge> {
  const pending = HANDLE.test(handle) ? await takeChallenge(db, stateOf(handle)) : undefined;
  if (pending?.purpose === purpose && pending.expires_at > at) return pending;
  throw noChallenge();
}

/** As `takeAsked`, of the session it was asked for in. */
export async function takeAskedIn(
  context: Context,
  session: { readonly id: string; readonly tenant: string; readonly subject: string },
  handle: string,
  purpose: ChallengePurpose,
): Promise<void> {
  const pending = await takeAsked(context, handle, purpose, new Date());
  const { tenant, subject, id } = session;
  if (pending.tenant === tenant && pending.subject === subject && pending.session_id === id) return;
  throw noChallenge();
}

/** Whether one of the account's keys signed the handle's challenge; its count is spent by this. */
export async function isSignedByKey(
  { db, webAuthn, log }: Context,
  account: Pick<Account, "tenant" | "subject">,
  handle: string,
  credential: unknown,
  at: Date,
): Promise<boolean> {
  const id = credentialIdOf(credential);
  const keys = await listSecurityKeys(db, account);
  const key = keys.find(({ credential_id }) => id !== undefined && credential_id.equals(id));
  if (!key) return false;
  try {
    const counter = await webAuthn.verify(challengeOf(handle), credential, toKnown(key), account);
    return await noteSecurityKeyUse(db, key, counter, at);
  } catch (error) {
    log.warn({ ...ownerOf(account), reason: describeError(error) }, "a security key's answer was refused");
    return false;
  }
}

/** The key that a browser made for the handle's challenge, or undefined when its answer is not to be believed. */
export async function madeKey(
  { webAuthn, log }: Context,
  account: Pick<Account, "tenant" | "subject">,
  handle: string,
  credential: unknown,
): Promise<KnownKey | undefined> {
  try {
    return await webAuthn.register(challengeOf(handle), credential);
  } catch (error) {
    log.warn({ ...ownerOf(account), reason: describeError(error) }, "a security key's setup was refused");
    return undefined;
  }
}

export function toSecurityKey(key: Omit<StoredSecurityKey, "public_key">): SecurityKey {
  return {
    id: key.credential_id.toString("base64url"),
    name: key.name,
    createdAt: key.created_at,
    lastUsedAt: key.last_used_at ?? undefined,
  };
}

function toKnown(key: StoredSecurityKey): KnownKey {
  const { credential_id: id, public_key: publicKey, counter, transports } = key;
  return { id, publicKey, counter: Number(counter), transports };
}

function ownerOf({ tenant, subject }: Pick<Account, "tenant" | "subject">) {
  return { tenant, subject };
}

function stateOf(handle: string): string {
  return createHash("sha256").update(`security-key/state/${handle}`).digest("base64url");
}

function challengeOf(handle: string): string {
  return createHash("sha256").update(`security-key/challenge/${handle}`).digest("base64url");
}

export function badKey(): AppError {
  return new AppError(
    "UNAUTHENTICATED",
    "the security key's answer does not count here: it is of another key, page or challenge; start again",
    { reason: "BAD_SECURITY_KEY", field: "credential" },
  );
}

export function noSecurityKey(username: string): AppError {
  return new AppError(
    "FAILED_PRECONDITION",
    `${username} has no security key; set one up with EnrolSecurityKey (POST /v1/auth/security-keys/enrol), or send a code`,
    { reason: "NO_SECURITY_KEY" },
  );
}

function noChallenge(): AppError {
  return new AppError("UNAUTHENTICATED", "nothing of this handle waits to be signed; start again", {
    reason: "NO_CHALLENGE",
    field: "handle",
  });
}

function turnedOff(): AppError {
  return new AppError(
    "FAILED_PRECONDITION",
    "security keys are not set up in this mesh; its operator must set WEBAUTHN_RP_ID and WEBAUTHN_ORIGINS",
    { reason: "SECURITY_KEYS_OFF" },
  );
}
