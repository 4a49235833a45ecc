import { type Bus, type Consumer, consumeEvents, type EventContract, type Received } from "@agentmesh/bus";
import { signInAttemptedEvent } from "@agentmesh/proto/auth.contract";
import { dlpFoundEvent } from "@agentmesh/proto/compliance.contract";
import { budgetThresholdCrossedEvent } from "@agentmesh/proto/cost.contract";
import { requestRefusedEvent } from "@agentmesh/proto/gateway.contract";
import {
  triggerRejectedEvent,
  workflowAtRiskEvent,
  workflowEndedEvent,
  workflowNeedsAttentionEvent,
  workflowStartedEvent,
} from "@agentmesh/proto/orchestrator.contract";
import {
  agentHealthChangedEvent,
  agentRunCompletedEvent,
  providerHealthChangedEvent,
} from "@agentmesh/proto/runner.contract";
import type { Context } from "../context.ts";
import type { Sample } from "../domain/samples.ts";
import { recordSamples } from "../record-samples.ts";
import { onAgentHealthChanged } from "./on-agent-health-changed.ts";
import { onAgentRunCompleted } from "./on-agent-run-completed.ts";
import { onBudgetThresholdCrossed } from "./on-budget-threshold-crossed.ts";
import { onDlpFound } from "./on-dlp-found.ts";
import { onProviderHealthChanged } from "./on-provider-health-changed.ts";
import { onRequestRefused } from "./on-request-refused.ts";
import { onSignInAttempted } from "./on-sign-in-attempted.ts";
import { onTriggerRejected } from "./on-trigger-rejected.ts";
import { onWorkflowAtRisk } from "./on-workflow-at-risk.ts";
import { onWorkflowEnded } from "./on-workflow-ended.ts";
import { onWorkflowNeedsAttention } from "./on-workflow-needs-attention.ts";
import { onWorkflowStarted } from "./on-workflow-started.ts";

// Rules look every few seconds, so a sample may be a moment late; a transaction for each would cost more than the sample.
const GATHER_MS = 100;
const MAX_BATCH = 500;

/** Every event that is measured. */
export function consumeAll(bus: Bus, context: Pick<Context, "db" | "metrics">): Consumer[] {
  function measure<T>(event: EventContract<T>, samplesOf: (event: Received<T>) => Sample[]): Consumer {
    return consumeEvents(bus, context.db, {
      event,
      maxBatch: MAX_BATCH,
      gatherMs: GATHER_MS,
      handle: (tx, events) => recordSamples(context, tx, events.flatMap(samplesOf), new Date()),
    });
  }
  return [
    measure(agentRunCompletedEvent, onAgentRunCompleted),
    measure(workflowStartedEvent, onWorkflowStarted),
    measure(workflowEndedEvent, onWorkflowEnded),
    measure(workflowAtRiskEvent, onWorkflowAtRisk),
    measure(workflowNeedsAttentionEvent, onWorkflowNeedsAttention),
    measure(triggerRejectedEvent, onTriggerRejected),
    measure(dlpFoundEvent, onDlpFound),
    measure(budgetThresholdCrossedEvent, onBudgetThresholdCrossed),
    measure(signInAttemptedEvent, onSignInAttempted),
    measure(requestRefusedEvent, onRequestRefused),
    measure(providerHealthChangedEvent, onProviderHealthChanged),
    measure(agentHealthChangedEvent, onAgentHealthChanged),
  ];
}
