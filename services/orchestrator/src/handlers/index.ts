import type { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import type { Resources } from "@agentmesh/resources";
import type { Handlers } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import type { Engine } from "../engine/engine.ts";
import { cancelRun } from "./cancel-run.ts";
import { claimSteps } from "./claim-steps.ts";
import { completeSteps } from "./complete-steps.ts";
import { decideApproval } from "./decide-approval.ts";
import { getRun } from "./get-run.ts";
import { getStep } from "./get-step.ts";
import { heartbeatSteps } from "./heartbeat-steps.ts";
import { listApprovals } from "./list-approvals.ts";
import { listRejections } from "./list-rejections.ts";
import { listRuns } from "./list-runs.ts";
import { listSteps } from "./list-steps.ts";
import { offerPlaces } from "./offer-places.ts";
import { pauseRun } from "./pause-run.ts";
import { receiveWebhook, type WebhookParts } from "./receive-webhook.ts";
import { rerunRun } from "./rerun-run.ts";
import { resolveStep } from "./resolve-step.ts";
import { resumeRun } from "./resume-run.ts";
import { retryRun } from "./retry-run.ts";
import { startWorkflow } from "./start-workflow.ts";
import { watchRun } from "./watch-run.ts";

export function handlers(
  context: Context,
  engine: Engine,
  resources: Resources,
  webhooks: WebhookParts,
): Handlers<typeof orchestratorContract> {
  return {
    startWorkflow: (request, call) => startWorkflow(context, engine, request, call),
    getRun: (request, call) => getRun(context, request, call),
    listRuns: (request, call) => listRuns(context, request, call),
    watchRun: (request, call) => watchRun(context, request, call),
    cancelRun: (request, call) => cancelRun(context, request, call),
    listSteps: (request, call) => listSteps(context, request, call),
    getStep: (request, call) => getStep(context, request, call),
    pauseRun: (request, call) => pauseRun(context, request, call),
    resumeRun: (request, call) => resumeRun(context, request, call),
    retryRun: (request, call) => retryRun(context, request, call),
    rerunRun: (request, call) => rerunRun(context, engine, request, call),
    resolveStep: (request, call) => resolveStep(context, request, call),
    decideApproval: (request, call) => decideApproval(context, request, call),
    listApprovals: (request, call) => listApprovals(context, request, call),
    listRejections: (request, call) => listRejections(context, request, call),
    receiveWebhook: (request) => receiveWebhook(context, webhooks, request),
    claimSteps: (request) => claimSteps(context, engine, request),
    offerPlaces: (request, call) => offerPlaces(context, request, call),
    heartbeatSteps: (request) => heartbeatSteps(context, request),
    completeSteps: (request) => completeSteps(context, engine, request),
    applyResource: resources.applyResource,
    getResource: resources.getResource,
    listResources: resources.listResources,
    deleteResource: resources.deleteResource,
  };
}
