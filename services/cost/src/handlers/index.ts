import type { costContract } from "@agentmesh/proto/cost.contract";
import type { Resources } from "@agentmesh/resources";
import type { Handlers } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { getSpend } from "./get-spend.ts";
import { listBudgetStates } from "./list-budget-states.ts";
import { listLedgerRows } from "./list-ledger.ts";
import { settleAttempts } from "./settle.ts";

/** Every RPC of the service. */
export function handlers(context: Context, resources: Resources): Handlers<typeof costContract> {
  return {
    hold: (request) => context.hold(request),
    settle: (request) => settleAttempts(context, request),
    getSpend: (request, call) => getSpend(context, request, call),
    listLedger: (request, call) => listLedgerRows(context, request, call),
    listBudgetStates: (_request, call) => listBudgetStates(context, call),
    applyResource: resources.applyResource,
    getResource: resources.getResource,
    listResources: resources.listResources,
    deleteResource: resources.deleteResource,
  };
}
