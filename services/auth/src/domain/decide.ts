import type { CompiledRole, Grant } from "./compile-roles.ts";
import type { Conditions } from "./constraints.ts";

export type CompiledRoles = { get(name: string): CompiledRole | undefined };

const CLOCK_SKEW_MS = 5_000;

export type Rights = {
  readonly permissions: ReadonlySet<string>;
  /** What a second factor given now would add. */
  readonly stepUp: ReadonlySet<string>;
  /** When the first of the permissions lapses because its second factor is too old. Infinity: none does. */
  readonly untilMs: number;
};

/** What the roles grant under these conditions. A role that does not exist grants nothing. */
export function rightsOf(roles: CompiledRoles, held: readonly string[], conditions: Conditions): Rights {
  const lapses = new Map<string, number>();
  const stepUp = new Set<string>();
  for (const name of held) {
    for (const grant of roles.get(name)?.grants ?? []) {
      if (unmet(grant, conditions) !== undefined) continue;
      for (const permission of grant.permissions) {
        const lapsesAtMs = lapseOf(grant, permission, conditions);
        if (lapsesAtMs <= conditions.atMs) stepUp.add(permission);
        else lapses.set(permission, Math.max(lapsesAtMs, lapses.get(permission) ?? 0));
      }
    }
  }
  const permissions = new Set(lapses.keys());
  let untilMs = Number.POSITIVE_INFINITY;
  for (const lapsesAtMs of lapses.values()) untilMs = Math.min(untilMs, lapsesAtMs);
  return { permissions, stepUp: stepUp.difference(permissions), untilMs };
}

/** Until when the caller's second factor does for a permission: Infinity when it needs none, else never in doubt. */
function lapseOf(grant: Grant, permission: string, { atMs, secondFactorAtMs }: Conditions): number {
  const withinMs = grant.secondFactorMs.get(permission);
  if (withinMs === undefined) return Number.POSITIVE_INFINITY;
  // A time that is yet to come is no proof, but clocks of replicas differ a little.
  if (secondFactorAtMs === undefined || secondFactorAtMs > atMs + CLOCK_SKEW_MS) return Number.NEGATIVE_INFINITY;
  return secondFactorAtMs + withinMs;
}

/** The smallest number of sessions that any of the roles allows; undefined: no limit. */
export function maxSessionsOf(roles: CompiledRoles, held: readonly string[]): number | undefined {
  const limits = held.map((name) => roles.get(name)?.maxSessions).filter((limit) => limit !== undefined);
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

export type Decision = { readonly allowed: boolean; readonly reason: string };

/** Whether the roles grant a permission, and which of them decided. */
export function explain(
  roles: CompiledRoles,
  held: readonly string[],
  permission: string,
  conditions: Conditions,
): Decision {
  if (held.length === 0) return { allowed: false, reason: "it holds no role; nothing is allowed by default" };
  const obstacles: string[] = [];
  for (const name of held) {
    for (const grant of roles.get(name)?.grants ?? []) {
      if (!grant.permissions.includes(permission)) continue;
      const obstacle = unmet(grant, conditions) ?? staleFactor(grant, permission, conditions);
      if (obstacle === undefined) return { allowed: true, reason: `${pathText(grant)} grants ${permission}` };
      obstacles.push(`${pathText(grant)} would grant ${permission}, but ${obstacle}`);
    }
  }
  const reason = obstacles.join("; ") || `none of its roles (${held.join(", ")}) grants ${permission}`;
  return { allowed: false, reason };
}

function unmet(grant: Grant, conditions: Conditions): string | undefined {
  for (const check of grant.checks) {
    const obstacle = check(conditions);
    if (obstacle !== undefined) return obstacle;
  }
  return undefined;
}

function staleFactor(grant: Grant, permission: string, conditions: Conditions): string | undefined {
  if (lapseOf(grant, permission, conditions) > conditions.atMs) return undefined;
  const withinMs = grant.secondFactorMs.get(permission) ?? 0;
  return `it counts for ${withinMs / 1000} s after a second factor was given`;
}

function pathText({ path }: Grant): string {
  const [held, ...rest] = path;
  return rest.length > 0 ? `role ${held}, through ${rest.join(" → ")},` : `role ${held}`;
}
