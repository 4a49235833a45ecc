import { AppError } from "@agentmesh/errors";

/** What can be invalidated: `tenant`, `agent/NAME` or `tag/NAME`. */
export type Scope = string;

export const TENANT_SCOPE: Scope = "tenant";

const MAX_NAME_CHARS = 128;

export function agentScope(agent: string): Scope {
  return `agent/${agent}`;
}

export function tagScope(tag: string): Scope {
  return `tag/${tag}`;
}

/** @throws AppError INVALID_ARGUMENT when both are given or a name is too long */
export function scopeOf(request: { readonly agent: string; readonly tag: string }): Scope {
  if (request.agent && request.tag) {
    throw new AppError("INVALID_ARGUMENT", "give agent or tag, not both; two calls invalidate two scopes", {
      reason: "AMBIGUOUS_SCOPE",
      field: "tag",
    });
  }
  const name = request.agent || request.tag;
  if (name.length > MAX_NAME_CHARS) {
    throw new AppError("INVALID_ARGUMENT", `a scope of ${name.length} characters; at most ${MAX_NAME_CHARS}`, {
      reason: "TOO_LONG",
      field: request.agent ? "agent" : "tag",
    });
  }
  if (request.agent) return agentScope(request.agent);
  return request.tag ? tagScope(request.tag) : TENANT_SCOPE;
}

/** A tenant as one part of a Redis key: nothing in it can reach into another partition. */
export function partitionOf(tenant: string): string {
  return encodeURIComponent(tenant);
}
