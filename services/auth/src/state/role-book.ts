import type { Bus } from "@agentmesh/bus";
import { watchResources } from "@agentmesh/resources";
import type { Logger } from "@agentmesh/telemetry";
import { type CompiledRole, compileRole } from "../domain/compile-roles.ts";
import type { Conditions } from "../domain/constraints.ts";
import { type CompiledRoles, maxSessionsOf, type Question, type Rights, rightsOf } from "../domain/decide.ts";
import { type Decision, explain } from "../domain/explain.ts";
import { type RoleSpec, roleSpecSchema } from "../domain/role-spec.ts";

/** What roles grant, compiled and in memory, following the snapshot of roles. */
export type RoleBook = AsyncDisposable & {
  rightsOf(tenant: string, roles: readonly string[], conditions: Conditions): Rights;
  maxSessionsOf(tenant: string, roles: readonly string[]): number | undefined;
  explain(tenant: string, roles: readonly string[], question: Question, conditions: Conditions): Decision;
  has(tenant: string, role: string): boolean;
};

type TenantRoles = { readonly specs: Map<string, RoleSpec>; readonly compiled: Map<string, CompiledRole | undefined> };

const nothing: CompiledRoles = { get: () => undefined };

export function openRoleBook(bus: Bus, log: Logger): RoleBook {
  const tenants = new Map<string, TenantRoles>();

  const watch = watchResources(bus, "Role", (spec) => roleSpecSchema.parse(spec), {
    onChange(key, row) {
      // Neither tenants nor names of roles hold a dot.
      const [tenant = "", name = ""] = key.split(".");
      const roles = tenants.get(tenant) ?? { specs: new Map(), compiled: new Map() };
      tenants.set(tenant, roles);
      if (row) roles.specs.set(name, row.spec);
      else roles.specs.delete(name);
      // Any role may inherit the changed one; they are compiled again when asked for.
      roles.compiled.clear();
    },
  });

  function rolesOf(tenant: string): CompiledRoles {
    const roles = tenants.get(tenant);
    if (!roles) return nothing;
    return {
      get(name) {
        if (!roles.specs.has(name)) return undefined;
        if (!roles.compiled.has(name)) roles.compiled.set(name, compileOrNothing(roles.specs, tenant, name, log));
        return roles.compiled.get(name);
      },
    };
  }

  return {
    rightsOf: (tenant, roles, conditions) => rightsOf(rolesOf(tenant), roles, conditions),
    maxSessionsOf: (tenant, roles) => maxSessionsOf(rolesOf(tenant), roles),
    explain: (tenant, roles, question, conditions) => explain(rolesOf(tenant), roles, question, conditions),
    has: (tenant, role) => tenants.get(tenant)?.specs.has(role) ?? false,
    [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose](),
  };
}

/** Rows arrive one by one, so a role may be there before what it inherits: until then it grants nothing. */
function compileOrNothing(
  specs: Map<string, RoleSpec>,
  tenant: string,
  name: string,
  log: Logger,
): CompiledRole | undefined {
  try {
    return compileRole(specs, name);
  } catch (error) {
    log.warn({ tenant, role: name, error }, "role cannot be compiled; it grants nothing");
    return undefined;
  }
}
