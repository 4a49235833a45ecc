import { AppError } from "@agentmesh/errors";
import { catalogServices } from "@agentmesh/proto/catalog";

/** The module whose client owns a kind. @throws AppError INVALID_ARGUMENT (UNKNOWN_KIND) */
export function ownerOf(kind: string): ResourceOwner {
  const owner = catalogServices.find((service) => service.kinds.includes(kind))?.module;
  if (owner !== undefined && isOwner(owner)) return owner;
  throw new AppError("INVALID_ARGUMENT", `unknown kind ${JSON.stringify(kind)}; there are ${kinds().join(", ")}`, {
    reason: "UNKNOWN_KIND",
    field: "kind",
  });
}

/** Every kind of resource there is, in alphabetical order. */
export function kinds(): string[] {
  return catalogServices.flatMap((service) => service.kinds).sort();
}

const OWNERS = ["auth", "runner", "orchestrator", "compliance", "cost", "alerting"] as const;

/** Modules of a MeshClient that own kinds. */
export type ResourceOwner = (typeof OWNERS)[number];

function isOwner(module: string): module is ResourceOwner {
  return OWNERS.some((owner) => owner === module);
}
