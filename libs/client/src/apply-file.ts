import { AppError, toAppError } from "@agentmesh/errors";
import { catalogServices } from "@agentmesh/proto/catalog";
import type { ApplyResourceReply, ApplyResourceRequest } from "@agentmesh/proto/resource";
import type { MeshClient } from "./connect.ts";
import { type DeclaredResource, readResources } from "./read-resources.ts";

export type ApplyResult = {
  readonly kind: string;
  readonly name: string;
  readonly version: number;
  readonly outcome: "created" | "changed" | "unchanged";
};

// References point to what stands earlier: a workflow names agents, an agent names tools.
const ORDER = [
  "Role",
  "ServiceAccount",
  "Price",
  "Budget",
  "DataPolicy",
  "Tool",
  "Agent",
  "Workflow",
  "Trigger",
  "Channel",
  "AlertRule",
  "SlaTarget",
];

/** The module whose client owns a kind. @throws AppError INVALID_ARGUMENT (UNKNOWN_KIND) */
export function ownerOf(kind: string): ResourceOwner {
  const owner = catalogServices.find((service) => service.kinds.includes(kind))?.module;
  if (owner !== undefined && isOwner(owner)) return owner;
  const kinds = catalogServices.flatMap((service) => service.kinds);
  throw new AppError("INVALID_ARGUMENT", `unknown kind ${JSON.stringify(kind)}; there are ${kinds.sort().join(", ")}`, {
    reason: "UNKNOWN_KIND",
    field: "kind",
  });
}

const OWNERS = ["auth", "runner", "orchestrator", "compliance", "cost", "alerting"] as const;

/** Modules of a MeshClient that own kinds. */
export type ResourceOwner = (typeof OWNERS)[number];

function isOwner(module: string): module is ResourceOwner {
  return OWNERS.some((owner) => owner === module);
}

export async function applyFile(
  mesh: MeshClient,
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  dryRun: boolean,
): Promise<ApplyResult[]> {
  const resources = await readResources(path, env);
  // Every kind is looked up before the first apply: a misspelt one changes nothing.
  for (const { kind } of resources) ownerOf(kind);
  const results: ApplyResult[] = [];
  for (const resource of inOrder(resources)) {
    const { kind, name } = resource;
    const reply = await applyOne(mesh, { ...resource, dryRun, expectVersion: 0 }, `${path}: ${kind}/${name}`);
    results.push({ kind, name, version: reply.resource?.version ?? 0, outcome: outcomeOf(reply) });
  }
  return results;
}

async function applyOne(mesh: MeshClient, request: ApplyResourceRequest, where: string): Promise<ApplyResourceReply> {
  try {
    return await mesh[ownerOf(request.kind)].applyResource(request);
  } catch (error) {
    throw toAppError(error, where);
  }
}

function inOrder(resources: readonly DeclaredResource[]): DeclaredResource[] {
  return [...resources].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

function outcomeOf(reply: ApplyResourceReply): ApplyResult["outcome"] {
  switch (reply.outcome) {
    case "OUTCOME_CREATED":
      return "created";
    case "OUTCOME_CHANGED":
      return "changed";
    default:
      return "unchanged";
  }
}
