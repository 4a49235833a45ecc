import type { complianceContract } from "@agentmesh/proto/compliance.contract";
import type { Resources } from "@agentmesh/resources";
import type { Handlers } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { appendAudit } from "./append-audit.ts";
import { classify } from "./classify.ts";
import { getAuditProof } from "./get-audit-proof.ts";
import { listAudit } from "./list-audit.ts";
import { verifyAudit } from "./verify-audit.ts";

/** Every RPC of the service. */
export function handlers(context: Context, resources: Resources): Handlers<typeof complianceContract> {
  return {
    classify: (request, call) => classify(context, request, call),
    appendAudit: (request, call) => appendAudit(context, request, call),
    listAudit: (request, call) => listAudit(context, request, call),
    verifyAudit: (_request, call) => verifyAudit(context, call),
    getAuditProof: (request, call) => getAuditProof(context, request, call),
    applyResource: resources.applyResource,
    getResource: resources.getResource,
    listResources: resources.listResources,
    deleteResource: resources.deleteResource,
  };
}
