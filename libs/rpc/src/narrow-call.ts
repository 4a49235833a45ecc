import { holdsScope, lacks, limitsOf, type Principal, requirePermission } from "@agentmesh/identity";
import type { MethodRule, ResourceRule } from "@agentmesh/proto/catalog";

/** What is left to do for a caller whose permission is limited to resources. */
export type Narrowing = {
  /** The handler found what the request is about. @throws AppError PERMISSION_DENIED (OUT_OF_SCOPE) */
  found(name: string): void;
  /** The reply as the caller may see it. @throws AppError PERMISSION_DENIED where the handler did not say what it is about */
  reply<T>(value: T): T;
};

/**
 * Whether a principal may call at all: it holds the permission, or holds it on resources and the rule says which one a
 * request is about.
 *
 * @throws AppError PERMISSION_DENIED
 */
export function requireRule(principal: Principal, { permission, resource }: MethodRule): void {
  if (permission === "" || principal.permissions.has(permission)) return;
  if (resource && limitsOf(principal.permissions, permission).some((limit) => isOfKind(limit, resource))) return;
  throw lacks(principal, permission, undefined, resource && resource.kind !== "" ? `any ${resource.kind}` : undefined);
}

/**
 * Holds a request against a permission that is limited to resources, where the caller's is.
 *
 * @returns undefined: the permission is held everywhere, or the request names what it is about and that is allowed
 * @throws AppError PERMISSION_DENIED (OUT_OF_SCOPE)
 */
export function narrowCall(principal: Principal, rule: MethodRule, request: unknown): Narrowing | undefined {
  const { permission, resource } = rule;
  if (permission === "" || principal.permissions.has(permission)) return undefined;
  requireRule(principal, rule);
  if (!resource) return undefined;
  const name = textOf(request, resource.field);
  if (name !== "") {
    requirePermission(principal, permission, `${kindOf(resource, request)}/${name}`);
    return undefined;
  }
  if (resource.listed !== "") return { found: () => undefined, reply: (value) => visible(principal, rule, value) };
  if (resource.field !== "") requirePermission(principal, permission);
  return untilFound(principal, permission, resource);
}

/** Refuses what the handler answers, unless it has said what the request is about: to forget it must not let anybody in. */
function untilFound(principal: Principal, permission: string, { kind }: ResourceRule): Narrowing {
  let isFound = false;
  // The name of what somebody may not see is not told them.
  const on = `the ${kind} this belongs to`;
  return {
    found(name) {
      const resource = `${kind}/${name}`;
      if (!holdsScope(principal.permissions, permission, resource)) throw lacks(principal, permission, resource, on);
      isFound = true;
    },
    reply(value) {
      if (!isFound) throw lacks(principal, permission, undefined, on);
      return value;
    },
  };
}

function visible<T>(principal: Principal, { permission, resource }: MethodRule, reply: T): T {
  if (!resource || typeof reply !== "object" || reply === null) return reply;
  const entries: unknown = Reflect.get(reply, resource.listed);
  if (!Array.isArray(entries)) return reply;
  const allowed = entries.filter((entry) =>
    holdsScope(principal.permissions, permission, `${kindOf(resource, entry)}/${textOf(entry, resource.field)}`),
  );
  return { ...reply, [resource.listed]: allowed };
}

function kindOf({ kind, kindField }: ResourceRule, message: unknown): string {
  return kind === "" ? textOf(message, kindField).toLowerCase() : kind;
}

function isOfKind(limit: string, { kind }: ResourceRule): boolean {
  return kind === "" || limit.startsWith(`${kind}/`);
}

function textOf(message: unknown, field: string): string {
  if (field === "" || typeof message !== "object" || message === null) return "";
  const value: unknown = Reflect.get(message, field);
  return typeof value === "string" ? value : "";
}
