import { AppError, toAppError } from "@agentmesh/errors";
import { type ApplyResourceReply, ApplyResourceReply_Outcome } from "@agentmesh/proto/resource";
import type { MeshClient } from "./connect.ts";
import { ownerOf } from "./owner-of.ts";
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
  "Team",
  "Workflow",
  "Trigger",
  "Channel",
  "AlertRule",
  "SlaTarget",
];

/** Reads a file and applies its resources one after the other; the first that is refused ends it. */
export async function applyFile(
  mesh: MeshClient,
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  dryRun: boolean,
): Promise<ApplyResult[]> {
  const results: ApplyResult[] = [];
  for (const resource of planApply(await readResources(path, env))) {
    results.push(await applyResource(mesh, resource, dryRun));
  }
  return results;
}

/**
 * Resources in an order in which references resolve; those of one kind stay as they were written. Fails before anything
 * is applied: a misspelt kind changes nothing.
 *
 * @throws AppError INVALID_ARGUMENT: UNKNOWN_KIND, or DECLARED_TWICE where two would overwrite each other
 */
export function planApply(resources: readonly DeclaredResource[]): DeclaredResource[] {
  const places = new Map<string, string>();
  for (const { kind, name, where } of resources) {
    try {
      ownerOf(kind);
    } catch (error) {
      throw toAppError(error, where);
    }
    const before = places.get(`${kind}/${name}`);
    if (before !== undefined) {
      throw new AppError("INVALID_ARGUMENT", `${where}: declared before, as ${before}; remove one of them`, {
        reason: "DECLARED_TWICE",
        field: "name",
      });
    }
    places.set(`${kind}/${name}`, where);
  }
  return [...resources].sort((a, b) => rank(a.kind) - rank(b.kind));
}

/** A kind that the table does not know yet comes last, where whatever it names exists. */
function rank(kind: string): number {
  const index = ORDER.indexOf(kind);
  return index < 0 ? ORDER.length : index;
}

/** @throws AppError of the service, with file and document in front of the message */
export async function applyResource(
  mesh: MeshClient,
  { kind, name, labels, spec, where }: DeclaredResource,
  dryRun: boolean,
): Promise<ApplyResult> {
  try {
    const reply = await mesh[ownerOf(kind)].applyResource({ kind, name, labels, spec, dryRun });
    return { kind, name, version: reply.resource?.version ?? 0, outcome: outcomeOf(reply) };
  } catch (error) {
    throw toAppError(error, where);
  }
}

function outcomeOf({ outcome }: ApplyResourceReply): ApplyResult["outcome"] {
  if (outcome === ApplyResourceReply_Outcome.CREATED) return "created";
  return outcome === ApplyResourceReply_Outcome.CHANGED ? "changed" : "unchanged";
}
