import { AppError } from "@agentmesh/errors";
import { z } from "zod";
import type { Principal } from "./principal.ts";

/** `iss` of every token that auth signs. */
export const tokenIssuer = "agentmesh";
/** `typ` of every token that auth signs (RFC 9068). */
export const tokenType = "at+jwt";

type Actor = { sub: string; act?: Actor | undefined };

const actor: z.ZodType<Actor> = z.lazy(() => z.object({ sub: z.string(), act: actor.optional() }));

const claims = z.object({
  sub: z.string().min(1),
  tnt: z.string().min(1),
  name: z.string().default(""),
  roles: z.array(z.string()).default([]),
  perms: z.array(z.string()).default([]),
  dept: z.string().default(""),
  proj: z.string().default(""),
  sid: z.string().default(""),
  amr: z.array(z.string()).default([]),
  auth_time: z.number().default(0),
  step_up: z.array(z.string()).default([]),
  jti: z.string(),
  exp: z.number(),
  act: actor.optional(),
});

/** Claims of a token of ours beside the registered ones: tenant, roles, permissions, department, project, session. */
export type TokenClaims = z.infer<typeof claims>;

// Deeper chains are refused: each level is a network hop and a widening of trust.
const MAX_ACTORS = 4;

/** A principal from verified claims. @throws AppError UNAUTHENTICATED when they are not of our shape */
export function parseTokenClaims(payload: unknown): Principal {
  const parsed = claims.safeParse(payload);
  if (!parsed.success) {
    throw new AppError("UNAUTHENTICATED", "the token's claims are not those of this mesh; sign in again", {
      reason: "BAD_TOKEN",
      cause: parsed.error,
    });
  }
  const { data } = parsed;
  return {
    tenant: data.tnt,
    subject: data.sub,
    name: data.name,
    roles: data.roles,
    permissions: new Set(data.perms),
    department: data.dept,
    project: data.proj,
    actors: actorsOf(data.act),
    sessionId: data.sid,
    amr: data.amr,
    authenticatedAtMs: data.auth_time * 1000,
    stepUp: new Set(data.step_up),
    expiresAtMs: data.exp * 1000,
  };
}

function actorsOf(outermost: Actor | undefined): string[] {
  const chain: string[] = [];
  for (let current = outermost; current; current = current.act) {
    if (chain.length >= MAX_ACTORS) {
      throw new AppError("UNAUTHENTICATED", `the token's chain of actors is longer than ${MAX_ACTORS}`, {
        reason: "BAD_TOKEN",
      });
    }
    chain.push(current.sub);
  }
  return chain;
}
