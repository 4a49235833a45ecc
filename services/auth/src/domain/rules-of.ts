import { readScope } from "@agentmesh/identity";
import type { Grant } from "./compile-roles.ts";

/** One scope that a role grants, and how the role came by it. */
export type Rule = {
  readonly grant: Grant;
  /** As the role has it: `agent:execute on agent/support-*`. */
  readonly scope: string;
  readonly resource: string | undefined;
};

/** The rules of one permission, so that a decision looks at those only that speak of the resource. */
export type Rules = {
  readonly everywhere: readonly Rule[];
  readonly named: ReadonlyMap<string, readonly Rule[]>;
  readonly prefixed: readonly (Rule & { readonly prefix: string })[];
};

type Building = { everywhere: Rule[]; named: Map<string, Rule[]>; prefixed: (Rule & { prefix: string })[] };

function newRules(): Building {
  return { everywhere: [], named: new Map(), prefixed: [] };
}

/** The rules of a closure by permission. */
export function rulesOf(grants: readonly Grant[]): ReadonlyMap<string, Rules> {
  const all = new Map<string, Building>();
  for (const grant of grants) {
    for (const scope of grant.scopes) {
      const { permission, resource } = readScope(scope) ?? { permission: scope, resource: undefined };
      const rules = all.get(permission) ?? newRules();
      all.set(permission, rules);
      const rule = { grant, scope, resource };
      if (resource === undefined) rules.everywhere.push(rule);
      else if (resource.endsWith("*")) rules.prefixed.push({ ...rule, prefix: resource.slice(0, -1) });
      else rules.named.set(resource, [...(rules.named.get(resource) ?? []), rule]);
    }
  }
  return all;
}
