import { hash as digest } from "node:crypto";
import { AppError, isAppError, toAppError } from "@agentmesh/errors";
import type { TokenVerifier, WorkloadIdentity } from "@agentmesh/identity";
import type { ExchangeTokenRequest } from "@agentmesh/proto/auth";
import { authContract } from "@agentmesh/proto/auth.contract";
import { type Channel, createClient } from "@agentmesh/rpc";
import { LRUCache } from "lru-cache";
import type { Caller, Credential } from "../pipeline/exchange.ts";
import type { Certificate } from "./client-certificate.ts";

export type Callers = {
  /** @throws AppError UNAUTHENTICATED, or UNAVAILABLE when auth cannot be asked about a credential not seen before */
  identify(credential: Credential, remoteAddress: string): Promise<Caller>;
};

type Remembered =
  | { readonly kind: "known"; readonly caller: Caller; readonly untilMs: number }
  | { readonly kind: "refused"; readonly error: AppError; readonly untilMs: number };

const MAX_REMEMBERED = 10_000;
// A disabled key or user is refused at once by the revocation snapshot; this is the bound should a snapshot be missing.
const REMEMBER_MS = 60_000;
// Guessing costs auth one call per guess and per this long, whoever guesses the same again.
const REFUSAL_MS = 2_000;
// What is left of a token must do for the call it goes along with.
const MARGIN_MS = 15_000;
const MAX_CREDENTIAL_CHARS = 8 * 1024;

/**
 * Trades what callers show for internal tokens, at auth. A credential is remembered by its hash, never in clear,
 * until its internal token ends or its session is revoked; requests that come together share one exchange.
 */
export function openCallers(options: { auth: Channel; workload: WorkloadIdentity; tokens: TokenVerifier }): Callers {
  const auth = createClient(authContract, { address: options.auth, workload: options.workload });
  const remembered = new LRUCache<string, Remembered>({ max: MAX_REMEMBERED });
  const asking = new Map<string, Promise<Caller>>();

  async function ask(hash: string, credential: Credential, remoteAddress: string): Promise<Caller> {
    try {
      const reply = await auth.exchangeToken({ credential: credentialOf(credential), remoteAddress });
      const caller = { token: reply.token, principal: await options.tokens.verify(reply.token) };
      const untilMs = Math.min(Date.now() + REMEMBER_MS, caller.principal.expiresAtMs - MARGIN_MS);
      remembered.set(hash, { kind: "known", caller, untilMs });
      return caller;
    } catch (cause) {
      const error = isAppError(cause) ? cause : toAppError(cause, "exchange of the credential");
      if (error.code === "UNAUTHENTICATED") {
        remembered.set(hash, { kind: "refused", error, untilMs: Date.now() + REFUSAL_MS });
      }
      throw error;
    }
  }

  function askOnce(hash: string, credential: Credential, remoteAddress: string): Promise<Caller> {
    const current = asking.get(hash);
    if (current) return current;
    const started = ask(hash, credential, remoteAddress).finally(() => asking.delete(hash));
    asking.set(hash, started);
    return started;
  }

  return {
    async identify(credential, remoteAddress) {
      if (credential.value.length > MAX_CREDENTIAL_CHARS) {
        throw new AppError("UNAUTHENTICATED", `the credential is longer than ${MAX_CREDENTIAL_CHARS} characters`, {
          reason: "BAD_TOKEN",
        });
      }
      if (credential.kind === "unusable-certificate") throw unusable(credential.value);
      const hash = hashOf(credential, remoteAddress);
      const known = remembered.get(hash);
      if (!known || known.untilMs <= Date.now()) return askOnce(hash, credential, remoteAddress);
      if (known.kind === "refused") throw known.error;
      // Remembered there too, and held against the revocations: an ended session ends here with its next request.
      const principal = await options.tokens.verify(known.caller.token).catch(() => undefined);
      if (principal) return known.caller;
      remembered.delete(hash);
      return askOnce(hash, credential, remoteAddress);
    },
  };
}

/** Roles may be bound to addresses, so what holds for one address says nothing about another. */
function hashOf({ kind, value }: Credential, remoteAddress: string): string {
  return digest("sha256", `${kind}\0${remoteAddress}\0${value}`, "base64");
}

function credentialOf({ kind, value }: Credential): NonNullable<ExchangeTokenRequest["credential"]> {
  switch (kind) {
    case "bearer":
      return { $case: "accessToken", value };
    case "api-key":
      return { $case: "apiKey", value };
    case "certificate": {
      const { notAfterMs, uris, dnsNames, emails, ...certificate } = JSON.parse(value) as Certificate;
      const notAfter = notAfterMs === undefined ? undefined : new Date(notAfterMs);
      const names = { uris: [...uris], dnsNames: [...dnsNames], emails: [...emails] };
      return { $case: "certificate", value: { ...certificate, ...names, notAfter } };
    }
    case "unusable-certificate":
      throw unusable(value);
    default:
      return kind satisfies never;
  }
}

function unusable(why: string): AppError {
  return new AppError("UNAUTHENTICATED", `the client certificate does not count: ${why}`, {
    reason: "BAD_CERTIFICATE",
  });
}
