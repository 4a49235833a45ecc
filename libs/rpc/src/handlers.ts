import { AppError } from "@agentmesh/errors";
import type { Principal } from "@agentmesh/identity";
import type { MethodRule } from "@agentmesh/proto/catalog";
import type { Contract, DeepPartial, RequestOf, ResponseOf } from "./contract.ts";

/** One call as its handler sees it, after the contract's rule was enforced. */
export type Call = {
  readonly rule: MethodRule;
  /** Set for every USER rpc; for others when the caller sent a token. */
  readonly principal: Principal | undefined;
  /** The bearer token as it came, to be passed on. */
  readonly token: string | undefined;
  /** The workload that calls; `""` for PUBLIC rpcs from outside. */
  readonly workload: string;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number;
  /** Aborted when the caller goes away or the deadline passes. */
  readonly signal: AbortSignal;
  readonly metadata: (name: string) => string | undefined;
  /**
   * For RPCs whose resource is a property of what the request refers to: says its name, once it is known and before anything
   * is changed. Without it nothing is answered to callers whose permission is limited to resources.
   *
   * @throws AppError PERMISSION_DENIED (OUT_OF_SCOPE)
   */
  requireResource(name: string): void;
  readonly peer: string;
};

export type UnaryHandler<Req, Res> = (request: Req, call: Call) => Promise<DeepPartial<Res>>;
export type ServerStreamHandler<Req, Res> = (request: Req, call: Call) => AsyncIterable<DeepPartial<Res>>;

/** A handler for each method of a contract; the compiler names the ones that are missing. */
export type Handlers<C extends Contract> = {
  readonly [K in keyof C["methods"]]: C["methods"][K] extends { serverStreaming: true }
    ? ServerStreamHandler<RequestOf<C["methods"][K]>, ResponseOf<C["methods"][K]>>
    : UnaryHandler<RequestOf<C["methods"][K]>, ResponseOf<C["methods"][K]>>;
};

export type AnyHandler = (request: never, call: Call) => Promise<unknown> | AsyncIterable<unknown>;

export type Implementation = { readonly contract: Contract; readonly handlers: Readonly<Record<string, AnyHandler>> };

export function implement<C extends Contract>(contract: C, handlers: Handlers<C>): Implementation {
  return { contract, handlers };
}

/** The caller's principal. @throws AppError UNAUTHENTICATED when the rpc let an anonymous caller in */
export function requirePrincipal(call: Call): Principal {
  if (call.principal) return call.principal;
  throw new AppError("UNAUTHENTICATED", `${call.rule.path} needs a signed-in caller; send a bearer token`, {
    reason: "NO_TOKEN",
  });
}
