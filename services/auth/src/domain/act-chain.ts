import { AppError } from "@agentmesh/errors";

export type ActClaim = { readonly sub: string; readonly act?: ActClaim };

/** Deeper chains are refused: each level is a network hop and a widening of trust. */
export const MAX_ACTORS = 4;

const ACTOR = /^[a-z][a-z-]{0,30}:[\w.:@/-]{1,128}$/;

/**
 * The chain with one more actor as its outermost, as RFC 8693 nests `act`.
 *
 * @throws AppError INVALID_ARGUMENT (BAD_ACTOR), PERMISSION_DENIED (TOO_MANY_ACTORS)
 */
export function withActor(chain: readonly string[], actor: string): readonly string[] {
  if (actor === "") return chain;
  if (!ACTOR.test(actor)) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `actor ${JSON.stringify(actor.slice(0, 80))} must be of the form kind:name, for instance agent:drafter`,
      { reason: "BAD_ACTOR", field: "actor" },
    );
  }
  if (chain.length >= MAX_ACTORS) {
    throw new AppError(
      "PERMISSION_DENIED",
      `${actor} would be actor number ${chain.length + 1} behind ${chain.join(", ")}; at most ${MAX_ACTORS} may act for one another`,
      { reason: "TOO_MANY_ACTORS" },
    );
  }
  return [actor, ...chain];
}

/** A chain, outermost first, as the claim. */
export function actClaim(chain: readonly string[]): ActClaim | undefined {
  let claim: ActClaim | undefined;
  for (const sub of chain.toReversed()) claim = claim ? { sub, act: claim } : { sub };
  return claim;
}
