// A scope is a permission, or one that is limited to resources: `agent:execute`, `agent:execute on agent/support-*`.
// The limit is a kind in lower case and an exact name or one that ends in `*`; `agent/*` is every agent.

const ON = " on ";
const SCOPE = /^([a-z]+(?::[a-z]+)+)(?: on ([a-z]+\/(?:[a-z0-9][a-z0-9_-]{0,62}\*?|\*)))?$/;

export type Scope = {
  readonly permission: string;
  /** `agent/classifier`, `agent/support-*`; undefined: everything. */
  readonly resource: string | undefined;
};

/** A scope from its text; undefined for what is none. Which permissions there are is not known here. */
export function readScope(text: string): Scope | undefined {
  const [, permission, resource] = SCOPE.exec(text) ?? [];
  return permission === undefined ? undefined : { permission, resource };
}

export function scopeText(permission: string, resource: string | undefined): string {
  return resource === undefined ? permission : `${permission}${ON}${resource}`;
}

/** `agent:execute` of `agent:execute on agent/support-*`. */
export function permissionOf(scope: string): string {
  const end = scope.indexOf(ON);
  return end === -1 ? scope : scope.slice(0, end);
}

/** Stands among the scopes of a token for those that no longer fitted into it; it covers nothing. */
export function moreScopes(permission: string): string {
  return `${permission}${ON}…`;
}

/** Whether a limit, `agent/support-*` or `agent/classifier`, covers a resource or everything that another limit does. */
export function coversResource(limit: string, resource: string): boolean {
  return limit.endsWith("*") ? resource.startsWith(limit.slice(0, -1)) : limit === resource;
}

/** What a permission is limited to in a set of scopes. */
export function limitsOf(scopes: Iterable<string>, permission: string): string[] {
  const start = `${permission}${ON}`;
  return [...scopes].filter((scope) => scope.startsWith(start)).map((scope) => scope.slice(start.length));
}

/** Whether scopes hold a permission: everywhere, or where a resource is given, on that. */
export function holdsScope(scopes: ReadonlySet<string>, permission: string, resource?: string): boolean {
  if (scopes.has(permission)) return true;
  if (resource === undefined) return false;
  if (scopes.has(scopeText(permission, resource))) return true;
  const start = `${permission}${ON}`;
  for (const scope of scopes) {
    // What is not a prefix would have been found by name.
    if (!scope.endsWith("*") || !scope.startsWith(start)) continue;
    if (resource.startsWith(scope.slice(start.length, -1))) return true;
  }
  return false;
}

/** What both of two sets hold. */
export function intersectScopes(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  const both = [...a].filter((scope) => isCovered(scope, b)).concat([...b].filter((scope) => isCovered(scope, a)));
  return reduceScopes(both);
}

/** Without those that others of them cover. */
export function reduceScopes(scopes: Iterable<string>): Set<string> {
  const all = new Set(scopes);
  return new Set([...all].filter((scope) => !isCovered(scope, all, scope)));
}

/** Those that no scope of another set covers. */
export function uncoveredScopes(scopes: Iterable<string>, by: ReadonlySet<string>): Set<string> {
  return new Set([...reduceScopes(scopes)].filter((scope) => !isCovered(scope, by)));
}

/** Looks each possible prefix up: somebody with fifty roles has thousands of scopes to hold against each other. */
function isCovered(scope: string, by: ReadonlySet<string>, except?: string): boolean {
  if (scope !== except && by.has(scope)) return true;
  const permission = permissionOf(scope);
  if (permission === scope) return false;
  if (by.has(permission)) return true;
  const limit = scope.slice(permission.length + ON.length);
  const name = limit.endsWith("*") ? limit.slice(0, -1) : limit;
  for (let end = limit.indexOf("/") + 1; end <= name.length; end += 1) {
    const wider = scopeText(permission, `${name.slice(0, end)}*`);
    if (wider !== except && by.has(wider)) return true;
  }
  return false;
}
