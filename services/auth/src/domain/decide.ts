import type { CompiledRole, Grant } from "./compile-roles.ts";
import type { Conditions } from "./constraints.ts";

export type CompiledRoles = { get(name: string): CompiledRole | undefined };

/** What the roles grant under these conditions. A role that does not exist grants nothing. */
export function permissionsOf(roles: CompiledRoles, held: readonly string[], conditions: Conditions): Set<string> {
  const permissions = new Set<string>();
  for (const name of held) {
    for (const grant of roles.get(name)?.grants ?? []) {
      if (unmet(grant, conditions) !== undefined) continue;
      for (const permission of grant.permissions) permissions.add(permission);
    }
  }
  return permissions;
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
      const obstacle = unmet(grant, conditions);
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

function pathText({ path }: Grant): string {
  const [held, ...rest] = path;
  return rest.length > 0 ? `role ${held}, through ${rest.join(" → ")},` : `role ${held}`;
}
