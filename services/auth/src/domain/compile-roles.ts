import { AppError } from "@agentmesh/errors";
import { permissionOf, reduceScopes } from "@agentmesh/identity";
import { type Check, compileConstraints } from "./constraints.ts";
import { MAX_SCOPE_CHARS, sizeOfScopes } from "./permissions.ts";
import type { RoleSpec } from "./role-spec.ts";
import { type Rules, rulesOf } from "./rules-of.ts";

/** What one role of a closure grants: its own scopes, under the constraints of every role on the way to it. */
export type Grant = {
  /** From the role that is held to the one that declares the scopes. */
  readonly path: readonly string[];
  /** `agent:execute`, or `agent:execute on agent/support-*`. */
  readonly scopes: readonly string[];
  readonly checks: readonly Check[];
  /** How old a second factor may be for a scope, in milliseconds; a scope without needs none. */
  readonly secondFactorMs: ReadonlyMap<string, number>;
};

export type CompiledRole = {
  readonly grants: readonly Grant[];
  /** The same by permission. */
  readonly rules: ReadonlyMap<string, Rules>;
  /** The smallest limit in the closure. */
  readonly maxSessions: number | undefined;
};

export type RoleSpecs = ReadonlyMap<string, RoleSpec>;

// Inheriting from several sides multiplies paths; a closure beyond this is a mistake and would cost every decision.
const MAX_GRANTS = 64;

/**
 * The closure of a role through `inherits`.
 *
 * @throws AppError INVALID_ARGUMENT: ROLE_CYCLE, UNKNOWN_ROLE, ROLE_TOO_WIDE or TOO_MANY_SCOPES
 */
export function compileRole(specs: RoleSpecs, name: string): CompiledRole {
  const grants: Grant[] = [];
  const limits: number[] = [];

  function visit(role: string, path: readonly string[], inherited: Inherited): void {
    if (path.includes(role)) throw cycle([...path.slice(path.indexOf(role)), role]);
    const spec = specs.get(role);
    if (!spec) throw unknownRole(role, path);
    if (grants.length >= MAX_GRANTS) throw tooWide(name);
    const here = [...path, role];
    const checks = [...inherited.checks, ...compileConstraints(spec.constraints)];
    const asked = spec.constraints?.secondFactor;
    const secondFactors = asked ? [...inherited.secondFactors, asked] : inherited.secondFactors;
    const secondFactorMs = secondFactorsOf(spec.permissions, secondFactors);
    grants.push({ path: here, scopes: spec.permissions, checks, secondFactorMs });
    if (spec.constraints?.maxSessions !== undefined) limits.push(spec.constraints.maxSessions);
    for (const parent of spec.inherits) visit(parent, here, { checks, secondFactors });
  }

  visit(name, [], { checks: [], secondFactors: [] });
  const chars = sizeOfScopes(reduceScopes(grants.flatMap(({ scopes }) => scopes)));
  if (chars > MAX_SCOPE_CHARS) throw tooManyScopes(name, chars);
  return { grants, rules: rulesOf(grants), maxSessions: limits.length > 0 ? Math.min(...limits) : undefined };
}

type SecondFactor = NonNullable<NonNullable<RoleSpec["constraints"]>["secondFactor"]>;
type Inherited = { readonly checks: readonly Check[]; readonly secondFactors: readonly SecondFactor[] };

/** The strictest of what the roles on the way ask for each scope. */
function secondFactorsOf(scopes: readonly string[], asked: readonly SecondFactor[]): ReadonlyMap<string, number> {
  const withinMs = new Map<string, number>();
  for (const { withinS, permissions: only } of asked) {
    const some: ReadonlySet<string> | undefined = only && new Set(only);
    for (const scope of scopes) {
      if (some && !some.has(permissionOf(scope))) continue;
      withinMs.set(scope, Math.min(withinS * 1000, withinMs.get(scope) ?? Number.POSITIVE_INFINITY));
    }
  }
  return withinMs;
}

/** Whether all roles of a tenant are sound together. @throws as compileRole, for the first that is not */
export function checkRoles(specs: RoleSpecs): void {
  for (const name of specs.keys()) compileRole(specs, name);
}

function cycle(path: readonly string[]): AppError {
  return new AppError("INVALID_ARGUMENT", `roles inherit in a circle: ${path.join(" → ")}; remove one of them`, {
    reason: "ROLE_CYCLE",
    field: "spec.inherits",
  });
}

function unknownRole(role: string, path: readonly string[]): AppError {
  const holder = path.at(-1);
  return new AppError(
    "INVALID_ARGUMENT",
    `${holder ? `role ${holder} inherits ${role}, which` : `role ${role}`} does not exist; apply it first`,
    { reason: "UNKNOWN_ROLE", field: "spec.inherits" },
  );
}

function tooWide(role: string): AppError {
  return new AppError(
    "INVALID_ARGUMENT",
    `role ${role} inherits along more than ${MAX_GRANTS} paths; flatten what it inherits`,
    { reason: "ROLE_TOO_WIDE", field: "spec.inherits" },
  );
}

function tooManyScopes(role: string, chars: number): AppError {
  return new AppError(
    "INVALID_ARGUMENT",
    `role ${role} limits permissions to resources in ${chars} characters, with what it inherits; at most ${MAX_SCOPE_CHARS} go into a token. Name them by a prefix, agent/support-*, or make several roles`,
    { reason: "TOO_MANY_SCOPES", field: "spec.permissions" },
  );
}
