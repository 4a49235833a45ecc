import type { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import type { Resources } from "@agentmesh/resources";
import type { Handlers } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import type { Engine } from "../engine/engine.ts";
import { cancelRun } from "./cancel-run.ts";
import { claimSteps } from "./claim-steps.ts";
import { completeSteps } from "./complete-steps.ts";
import { getRun } from "./get-run.ts";
import { heartbeatSteps } from "./heartbeat-steps.ts";
import { listRejections } from "./list-rejections.ts";
import { listRuns } from "./list-runs.ts";
import { startWorkflow } from "./start-workflow.ts";
import { watchRun } from "./watch-run.ts";

export function handlers(
  context: Context,
  engine: Engine,
  resources: Resources,
): Handlers<typeof orchestratorContract> {
  return {
    startWorkflow: (request, call) => startWorkflow(context, engine, request, call),
    getRun: (request, call) => getRun(context, request, call),
    listRuns: (request, call) => listRuns(context, request, call),
    watchRun: (request, call) => watchRun(context, request, call),
    cancelRun: (request, call) => cancelRun(context, request, call),
    listRejections: (request, call) => listRejections(context, request, call),
    claimSteps: (request) => claimSteps(context, engine, request),
    heartbeatSteps: (request) => heartbeatSteps(context, request),
    completeSteps: (request) => completeSteps(engine, request),
    applyResource: resources.applyResource,
    getResource: resources.getResource,
    listResources: resources.listResources,
    deleteResource: resources.deleteResource,
  };
}
