import type { alertingContract } from "@agentmesh/proto/alerting.contract";
import type { Resources } from "@agentmesh/resources";
import type { Handlers } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { acknowledgeAlert } from "./acknowledge-alert.ts";
import { listAllAlerts } from "./list-alerts.ts";
import { listSlaStates } from "./list-sla-states.ts";

/** Every RPC of the service. */
export function handlers(context: Context, resources: Resources): Handlers<typeof alertingContract> {
  return {
    listAlerts: (request, call) => listAllAlerts(context, request, call),
    acknowledgeAlert: (request, call) => acknowledgeAlert(context, request, call),
    listSlaStates: (_request, call) => listSlaStates(context, call),
    applyResource: resources.applyResource,
    getResource: resources.getResource,
    listResources: resources.listResources,
    deleteResource: resources.deleteResource,
  };
}
