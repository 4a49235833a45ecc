import { moreScopes, readScope } from "@agentmesh/identity";
import { catalogMethods, catalogServices } from "@agentmesh/proto/catalog";

/** Every permission there is; what is not listed cannot be granted. */
export const knownPermissions = [
  "agent:create",
  "agent:read",
  "agent:update",
  "agent:delete",
  "agent:execute",
  "data:read:public",
  "data:read:internal",
  "data:read:confidential",
  "data:read:secret",
  "system:config",
  "system:monitor",
  "system:admin",
] as const;

const known: ReadonlySet<string> = new Set(knownPermissions);

/** What each permission may be limited to: the kinds that RPCs which need it are about. */
const kindsOf = readKinds();

function readKinds(): ReadonlyMap<string, ReadonlySet<string>> {
  const kinds = new Map<string, Set<string>>();
  for (const { permission, resource, service } of catalogMethods) {
    if (!resource) continue;
    const owned = catalogServices.find((entry) => entry.service === service)?.kinds ?? [];
    const of = kinds.get(permission) ?? new Set();
    for (const kind of resource.kind === "" ? owned : [resource.kind]) of.add(kind.toLowerCase());
    kinds.set(permission, of);
  }
  return kinds;
}

export function isKnownPermission(permission: string): boolean {
  return known.has(permission);
}

/** What is wrong with the text of a scope, `agent:execute on agent/support-*`; undefined: nothing. */
export function faultOfScope(text: string): string | undefined {
  const shown = JSON.stringify(text.slice(0, 120));
  const scope = readScope(text);
  if (!scope) return `${shown} is no permission; write agent:execute, or agent:execute on agent/support-*`;
  const { permission, resource } = scope;
  if (!known.has(permission))
    return `permission ${permission.slice(0, 80)} does not exist; there are ${knownPermissions.join(", ")}`;
  if (resource === undefined) return undefined;
  const kinds = kindsOf.get(permission);
  const kind = resource.slice(0, resource.indexOf("/"));
  if (kinds?.has(kind)) return undefined;
  if (!kinds) return `${permission} cannot be limited to resources; write ${permission}`;
  return `${permission} can be limited to ${[...kinds].sort().join(", ")}, not to ${kind}`;
}

/**
 * Characters of scopes with resources that a token carries, of 8 KiB that a token may have: it goes along with every call.
 * Some forty names; a prefix counts as one.
 */
export const MAX_SCOPE_CHARS = 2_000;

export function sizeOfScopes(scopes: Iterable<string>): number {
  let chars = 0;
  for (const scope of scopes) if (!known.has(scope)) chars += scope.length;
  return chars;
}

/**
 * The scopes that a token carries, sorted: all permissions without a resource, then prefixes, then names, as far as they fit.
 * What does not fit is not held; a mark says so of each permission.
 */
export function fitScopes(scopes: ReadonlySet<string>, maxChars = MAX_SCOPE_CHARS): string[] {
  if (sizeOfScopes(scopes) <= maxChars) return [...scopes].sort();
  const fitting: string[] = [];
  const cut = new Set<string>();
  let room = maxChars;
  for (const scope of [...scopes].sort(byBreadth)) {
    room -= known.has(scope) ? 0 : scope.length;
    if (known.has(scope) || room >= 0) fitting.push(scope);
    else cut.add(moreScopes(readScope(scope)?.permission ?? scope));
  }
  return [...fitting, ...cut].sort();
}

function byBreadth(a: string, b: string): number {
  return Number(b.endsWith("*")) - Number(a.endsWith("*")) || a.localeCompare(b, "en");
}

// From the most to the least secret.
const CLASSES = ["secret", "confidential", "internal", "public"] as const;

/** The most secret class of data the permissions let read, or the empty text. */
export function clearanceOf(permissions: ReadonlySet<string>): string {
  return CLASSES.find((name) => permissions.has(`data:read:${name}`)) ?? "";
}
