import { AppError } from "@agentmesh/errors";
import { readResource } from "@agentmesh/resources";
import type { Context } from "../context.ts";
import { type IdentityProviderSpec, identityProviderSpecSchema } from "../domain/identity-provider-spec.ts";

const MAX_NAME = 64;
/** Of tenants and of resources. */
const NAME = /^[a-z0-9][a-z0-9_.-]{0,127}$/i;

/** @throws AppError NOT_FOUND (PROVIDER_NOT_FOUND) when the tenant has none of that name and type */
export async function findProvider<T extends IdentityProviderSpec["type"]>(
  { db }: Context,
  tenant: string,
  name: string,
  types: readonly T[],
): Promise<Extract<IdentityProviderSpec, { type: T }>> {
  const known = NAME.test(tenant) && NAME.test(name);
  const row = known ? await readResource(db, tenant, "IdentityProvider", name) : undefined;
  const spec = row && identityProviderSpecSchema.parse(row.spec);
  if (spec && isOf(spec, types)) return spec;
  throw new AppError(
    "NOT_FOUND",
    `tenant ${JSON.stringify(tenant.slice(0, MAX_NAME))} has no identity provider ${JSON.stringify(name.slice(0, MAX_NAME))} of type ${types.join(" or ")}`,
    { reason: "PROVIDER_NOT_FOUND", field: "provider" },
  );
}

function isOf<T extends IdentityProviderSpec["type"]>(
  spec: IdentityProviderSpec,
  types: readonly T[],
): spec is Extract<IdentityProviderSpec, { type: T }> {
  return types.some((type) => type === spec.type);
}
