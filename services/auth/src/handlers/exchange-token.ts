import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import type { ExchangeTokenReply, ExchangeTokenRequest } from "@agentmesh/proto/auth";
import { catalogServices } from "@agentmesh/proto/catalog";
import type { Call, DeepPartial } from "@agentmesh/rpc";
import { toUserContext } from "../account-views.ts";
import type { Context } from "../context.ts";
import { withActor } from "../domain/act-chain.ts";
import { type Deny, type Source, sourceOf } from "../exchange-source.ts";
import { signToken } from "../sign-token.ts";

/** `aud` of a token for every service; each takes its own name too. */
const MESH = "mesh";
const audiences: ReadonlySet<string> = new Set([MESH, ...catalogServices.map((entry) => entry.service)]);

/** Trades a credential for an internal token that lives for minutes and never longer than what it was traded for. */
export async function exchangeToken(
  context: Context,
  request: ExchangeTokenRequest,
  call: Call,
): Promise<DeepPartial<ExchangeTokenReply>> {
  const audience = request.audience || MESH;
  if (!audiences.has(audience)) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `audience ${JSON.stringify(audience.slice(0, 80))} is no service of the mesh; expected one of ${[...audiences].join(", ")}`,
      { reason: "UNKNOWN_AUDIENCE", field: "audience" },
    );
  }
  const nowMs = Date.now();
  const deny = denialBy(context, call, nowMs);
  const source: Source = await sourceOf(context, request, { workload: call.workload, nowMs, deny });
  const { account, rights, authentication, sessionId } = source;
  const actors = withActor(source.actors, request.actor);
  const issuedAtS = Math.floor(nowMs / 1000);
  const ownEndS = issuedAtS + context.config.tokens.internalTtlS;
  const expiresAtS = Math.min(ownEndS, Math.floor(source.expiresAtMs / 1000));
  if (expiresAtS <= issuedAtS) {
    throw new AppError("UNAUTHENTICATED", "the credential ends within a second; refresh it or sign in again", {
      reason: "TOKEN_EXPIRED",
    });
  }
  const token = await signToken(context.keys, {
    account,
    rights,
    authentication,
    sessionId,
    actors,
    audience,
    issuedAtMs: nowMs,
    expiresAtS,
  });
  context.metrics.exchange(request.credential?.$case ?? "");
  return {
    token,
    expiresAt: new Date(expiresAtS * 1000),
    context: toUserContext(account, { rights, authentication, actors }),
  };
}

/** The gateway remembers a refusal for two seconds, so that repeating a refused credential does not flood the audit. */
function denialBy({ db, metrics }: Context, { requestId }: Call, nowMs: number): Deny {
  return async ({ tenant, subject }, resource, error) => {
    metrics.exchange("refused");
    await db.transaction((tx) =>
      recordAudit(
        tx,
        {
          tenant,
          service: "auth",
          subject,
          action: "token.exchange",
          resource,
          outcome: "denied",
          reason: error.reason ?? error.code,
          requestId,
        },
        new Date(nowMs),
      ),
    );
    throw error;
  };
}
