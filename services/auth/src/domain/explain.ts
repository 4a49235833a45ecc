import { coversResource, scopeText } from "@agentmesh/identity";
import type { Conditions } from "./constraints.ts";
import { type CompiledRoles, decide, obstacleOf, type Question, rulesAbout } from "./decide.ts";
import type { Rule } from "./rules-of.ts";

/** A rule that was looked at. */
export type Weighed = {
  /** From the role that is held to the one that declares the scope. */
  readonly path: readonly string[];
  readonly scope: string;
  readonly allows: boolean;
  /** What stood against it: `resource`, `networks`, `hours`, `environments` or `secondFactor`; empty: nothing. */
  readonly constraint: string;
  /** In words. */
  readonly obstacle: string;
};

export type Decision = {
  readonly allowed: boolean;
  /** In one sentence. */
  readonly reason: string;
  /** The rule that decided first, then those that did not allow it; those on other resources last. */
  readonly weighed: readonly Weighed[];
};

// What nobody reads to the end.
const MAX_WEIGHED = 20;

/** Whether the roles grant it, and which rule and constraint decided. */
export function explain(
  roles: CompiledRoles,
  held: readonly string[],
  question: Question,
  conditions: Conditions,
): Decision {
  const asked = scopeText(question.permission, question.resource);
  const decider = decide(roles, held, question, conditions);
  if (decider) {
    const weighed = weigh(decider, undefined);
    return { allowed: true, reason: `${pathText(weighed)} grants ${weighed.scope}`, weighed: [weighed] };
  }
  const weighed = held
    .flatMap((name) => {
      const rules = roles.get(name)?.rules.get(question.permission);
      if (!rules) return [];
      const { about, others } = rulesAbout(rules, question.resource);
      return [
        ...about.map((rule) => weigh(rule, obstacleOf(rule, conditions))),
        ...others.map((rule) => weigh(rule, elsewhere(rule, question))),
      ];
    })
    .sort((a, b) => distance(a, question) - distance(b, question))
    .slice(0, MAX_WEIGHED);
  return { allowed: false, reason: denialOf(held, asked, weighed), weighed };
}

/** What speaks of the resource, then of others of its kind, then the rest. */
function distance({ constraint, scope }: Weighed, { permission, resource = "" }: Question): number {
  if (constraint !== "resource") return 0;
  const kind = resource.slice(0, resource.indexOf("/") + 1);
  return kind !== "" && scope.startsWith(scopeText(permission, kind)) ? 1 : 2;
}

function denialOf(held: readonly string[], asked: string, weighed: readonly Weighed[]): string {
  if (held.length === 0) return "it holds no role; nothing is allowed by default";
  const [first] = weighed;
  if (!first) return `none of its roles (${held.join(", ")}) grants ${asked}`;
  const close = weighed.filter(({ constraint }) => constraint !== "resource");
  if (close.length > 0) {
    return close.map((rule) => `${pathText(rule)} would grant ${rule.scope}, but ${rule.obstacle}`).join("; ");
  }
  return `none of its roles (${held.join(", ")}) grants ${asked}; ${pathText(first)} grants ${first.scope}`;
}

function weigh({ grant, scope }: Rule, obstacle: { constraint: string; text: string } | undefined): Weighed {
  const { constraint = "", text = "" } = obstacle ?? {};
  return { path: grant.path, scope, allows: obstacle === undefined, constraint, obstacle: text };
}

function elsewhere({ resource = "" }: Rule, question: Question): { constraint: string; text: string } {
  // Asked for everywhere, or for a wider prefix than the role's.
  const isWider = question.resource === undefined || coversResource(question.resource, resource);
  return { constraint: "resource", text: isWider ? `it counts on ${resource} only` : `it counts on ${resource}` };
}

function pathText({ path }: Weighed): string {
  const [held, ...rest] = path;
  return rest.length > 0 ? `role ${held}, through ${rest.join(" → ")},` : `role ${held}`;
}
