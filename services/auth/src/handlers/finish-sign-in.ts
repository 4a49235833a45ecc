import { AppError, describeError, isAppError } from "@agentmesh/errors";
import type { FinishSignInRequest, TokenReply } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import type { ExternalIdentity } from "../domain/external-identity.ts";
import { isCallbackOf } from "../domain/redirect-uri.ts";
import { recordSignIn } from "../events/sign-in-attempted.ts";
import { admit } from "../federation/admit.ts";
import { findProvider } from "../federation/find-provider.ts";
import { readProviderSecret } from "../federation/provider-secrets.ts";
import { openSession } from "../open-session.ts";
import { remoteAddressOf } from "../remote-address.ts";
import { type PendingSignIn, takePendingSignIn } from "../store/pending-sign-ins.ts";
import { stateOf } from "./start-sign-in.ts";

const HANDLE = /^[\w-]{43}$/;
const MAX_URL = 8 * 1024;

/** A sign-in that was started is finished once, whatever comes of it. */
export async function finishSignIn(context: Context, request: FinishSignInRequest, call: Call): Promise<TokenReply> {
  const { handle } = request;
  const at = new Date();
  const pending = HANDLE.test(handle) ? await takePendingSignIn(context.db, stateOf(handle), at) : undefined;
  if (!pending) {
    throw new AppError("UNAUTHENTICATED", "no sign-in of this handle waits; start again", {
      reason: "NO_PENDING_SIGN_IN",
      field: "handle",
    });
  }
  const { tenant, provider } = pending;
  try {
    const identity = await identify(context, pending, request, at);
    const account = await admit(context, { tenant, provider, identity, at, requestId: call.requestId });
    const { amr, authenticatedAtMs } = identity;
    return await openSession(context, {
      account,
      address: remoteAddressOf(call),
      at,
      amr,
      ...(authenticatedAtMs !== undefined && { authenticatedAt: new Date(authenticatedAtMs) }),
      requestId: call.requestId,
    });
  } catch (error) {
    await recordRefusal(context, pending, error, call, at);
    throw isAppError(error) ? error : refused(provider, error);
  }
}

async function identify(
  context: Context,
  pending: PendingSignIn,
  { handle, callbackUrl, samlResponse }: FinishSignInRequest,
  at: Date,
): Promise<ExternalIdentity> {
  const { tenant, provider, state, redirect_uri: redirectUri } = pending;
  const spec = await findProvider(context, tenant, provider, ["oidc", "saml"]);
  const { secretsDir } = context.config.federation;
  if (spec.type === "saml") {
    const decryptionKey = () => readProviderSecret(secretsDir, tenant, provider, ".key");
    return context.saml.finish({ spec, handle, state, redirectUri, decryptionKey }, samlResponse);
  }
  const callback = callbackUrl.length <= MAX_URL && URL.canParse(callbackUrl) ? new URL(callbackUrl) : undefined;
  if (!callback || !isCallbackOf(redirectUri, callback)) {
    throw new AppError("INVALID_ARGUMENT", `callback_url is not an address of ${redirectUri}`, {
      reason: "BAD_CALLBACK",
      field: "callback_url",
    });
  }
  const secret = await readProviderSecret(secretsDir, tenant, provider);
  return context.oidc.finish({ spec, secret, handle, state, redirectUri }, callback, at.getTime());
}

async function recordRefusal(
  { db, log, metrics }: Context,
  { tenant, provider }: PendingSignIn,
  error: unknown,
  call: Call,
  at: Date,
): Promise<void> {
  log.warn({ tenant, provider, reason: describeError(error) }, "a sign-in through an identity provider was refused");
  metrics.signIn("provider_refused");
  await db.transaction((tx) =>
    recordSignIn(
      tx,
      {
        tenant,
        subject: "",
        username: `provider:${provider}`,
        address: remoteAddressOf(call),
        outcome: "provider_refused",
        requestId: call.requestId,
      },
      at,
    ),
  );
}

function refused(provider: string, cause: unknown): AppError {
  return new AppError(
    "UNAUTHENTICATED",
    `identity provider ${provider} did not confirm who you are; start again, or ask an admin to look into auth's log`,
    { reason: "PROVIDER_REFUSED", cause },
  );
}
