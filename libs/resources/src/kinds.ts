import type { MigrationSource, Queryable } from "@agentmesh/postgres";
import type { z } from "zod";

/** How a service checks a kind of resource it owns. */
export type KindRules<Spec = unknown> = {
  readonly schema: z.ZodType<Spec>;
  /**
   * What a schema cannot say: references to other resources, cycles. Runs in the transaction that stores.
   *
   * @throws AppError INVALID_ARGUMENT naming the path
   */
  check?(tx: Queryable, tenant: string, name: string, spec: Spec): Promise<void>;
};

export type ResourceKinds = { readonly [kind: string]: KindRules };

/** Tables resource and resource_version; after the bus's in the migrations of a service that owns kinds. */
export const resourceMigrations: MigrationSource = {
  name: "resources",
  folder: new URL("../migrations/", import.meta.url),
};
