import type { Principal } from "@agentmesh/identity";
import type { Classification } from "@agentmesh/inspect";
import type { Context } from "../context.ts";
import type { LimitState } from "../limits/limiter.ts";
import type { RoutedMethod } from "../routes.ts";
import type { Body } from "./body.ts";

export type StageName =
  | "audit"
  | "authenticate"
  | "authorise"
  | "inspect"
  | "limit"
  | "admit"
  | "budget"
  | "idempotency"
  | "route";

/** Of a certificate `value` is its JSON, as callers/client-certificate.ts writes it, or why it cannot be used. */
export type Credential = {
  readonly kind: "bearer" | "api-key" | "certificate" | "unusable-certificate";
  readonly value: string;
};

/** Who asks, after authentication: the principal and the internal token that says so to services. */
export type Caller = { readonly principal: Principal; readonly token: string };

/** One request on its way through the pipeline, the same for both surfaces. */
export type Exchange = {
  readonly method: RoutedMethod;
  readonly surface: "grpc" | "http";
  readonly requestId: string;
  readonly credential: Credential | undefined;
  readonly idempotencyKey: string | undefined;
  readonly remoteAddress: string;
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number;
  /** Aborted when the caller goes away or the deadline passes. */
  readonly signal: AbortSignal;
  readonly startedAt: Date;
  /** As it will be sent on: inspection may replace it. */
  request: Body;
  caller: Caller | undefined;
  classification: Classification;
  limit: LimitState | undefined;
  /** The stages it reached, in order. */
  readonly passed: StageName[];
  /** The stage that ended it early. */
  failedAt: StageName | undefined;
};

export type Reply =
  | { readonly kind: "unary"; readonly body: Body }
  | { readonly kind: "stream"; readonly frames: AsyncIterable<Body> };

/** A stage acts before and after the ones that follow it; not calling `next` ends the request there. */
export type Stage = (context: Context, exchange: Exchange, next: () => Promise<Reply>) => Promise<Reply>;

/** The tenant of requests that never got as far as having one. */
export const UNKNOWN_TENANT = "mesh";

export function tenantOf({ caller }: Exchange): string {
  return caller?.principal.tenant ?? UNKNOWN_TENANT;
}

export function subjectOf({ caller }: Exchange): string {
  return caller?.principal.subject ?? "anonymous";
}
