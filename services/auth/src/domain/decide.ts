import { reduceScopes, uncoveredScopes } from "@agentmesh/identity";
import type { CompiledRole, Grant } from "./compile-roles.ts";
import type { Check, Conditions } from "./constraints.ts";
import type { Rule, Rules } from "./rules-of.ts";

export type CompiledRoles = { get(name: string): CompiledRole | undefined };

const CLOCK_SKEW_MS = 5_000;
const none: readonly Rule[] = [];

export type Rights = {
  /** Scopes; none of them covers another. */
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
      for (const scope of grant.scopes) {
        const lapsesAtMs = lapseOf(grant, scope, conditions);
        if (lapsesAtMs <= conditions.atMs) stepUp.add(scope);
        else lapses.set(scope, Math.max(lapsesAtMs, lapses.get(scope) ?? 0));
      }
    }
  }
  const permissions = reduceScopes(lapses.keys());
  let untilMs = Number.POSITIVE_INFINITY;
  for (const scope of permissions) untilMs = Math.min(untilMs, lapses.get(scope) ?? untilMs);
  return { permissions, stepUp: uncoveredScopes(stepUp, permissions), untilMs };
}

/** Until when the caller's second factor does for a scope: Infinity when it needs none, else never in doubt. */
function lapseOf(grant: Grant, scope: string, { atMs, secondFactorAtMs }: Conditions): number {
  const withinMs = grant.secondFactorMs.get(scope);
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

export type Question = {
  readonly permission: string;
  /** `agent/classifier`, or `agent/support-*` for all of them; undefined: everywhere. */
  readonly resource: string | undefined;
};

/** The first rule that allows it; undefined: none does, so it is denied. Takes less than a microsecond. */
export function decide(
  roles: CompiledRoles,
  held: readonly string[],
  question: Question,
  conditions: Conditions,
): Rule | undefined {
  for (const name of held) {
    const rules = roles.get(name)?.rules.get(question.permission);
    if (!rules) continue;
    for (const rule of rules.everywhere) if (counts(rule, conditions)) return rule;
    if (question.resource === undefined) continue;
    for (const rule of rules.named.get(question.resource) ?? none) if (counts(rule, conditions)) return rule;
    for (const rule of rules.prefixed) {
      if (question.resource.startsWith(rule.prefix) && counts(rule, conditions)) return rule;
    }
  }
  return undefined;
}

/** Why a rule does not count, and which constraint says so: `networks`, `hours`, `environments` or `secondFactor`. */
export type Obstacle = { readonly constraint: Check["constraint"] | "secondFactor"; readonly text: string };

/** Why a rule does not count under these conditions; undefined: it does. */
export function obstacleOf({ grant, scope }: Rule, conditions: Conditions): Obstacle | undefined {
  const check = unmet(grant, conditions);
  if (check) return { constraint: check.constraint, text: check.obstacle(conditions) ?? "" };
  if (lapseOf(grant, scope, conditions) > conditions.atMs) return undefined;
  const withinMs = grant.secondFactorMs.get(scope) ?? 0;
  return { constraint: "secondFactor", text: `it counts for ${withinMs / 1000} s after a second factor was given` };
}

/** All rules of a permission, those first that speak of the resource. */
export function rulesAbout(rules: Rules, resource: string | undefined): { about: Rule[]; others: Rule[] } {
  const limited = [...rules.named.values()].flat().concat(rules.prefixed);
  const covers = (rule: Rule) => {
    if (rule.resource === undefined || resource === undefined) return rule.resource === undefined;
    return rule.resource.endsWith("*") ? resource.startsWith(rule.resource.slice(0, -1)) : rule.resource === resource;
  };
  return { about: [...rules.everywhere, ...limited.filter(covers)], others: limited.filter((rule) => !covers(rule)) };
}

function counts({ grant, scope }: Rule, conditions: Conditions): boolean {
  return unmet(grant, conditions) === undefined && lapseOf(grant, scope, conditions) > conditions.atMs;
}

function unmet(grant: Grant, conditions: Conditions): Check | undefined {
  for (const check of grant.checks) if (!check.isMet(conditions)) return check;
  return undefined;
}
