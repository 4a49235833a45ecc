import { AppError } from "@agentmesh/errors";
import type { Queryable } from "@agentmesh/postgres";
import { type ResourceKinds, readResource } from "@agentmesh/resources";
import type { Logger } from "@agentmesh/telemetry";
import { compileInputSchema } from "./domain/input-schema.ts";
import { compileMapping } from "./domain/mapping.ts";
import { compilePlan } from "./domain/plan.ts";
import { type TriggerSpec, triggerSpec, type WorkflowSpec, workflowSpec } from "./domain/workflow-spec.ts";
import type { ForeignKind, Snapshots } from "./snapshots.ts";

/** The kinds this service owns: schemas, and what a schema cannot say. */
export function resourceKinds(snapshots: Snapshots, log: Logger): ResourceKinds {
  async function mustExist(kind: ForeignKind, tenant: string, name: string, field: string): Promise<void> {
    const exists = await snapshots.exists(kind, tenant, name);
    if (exists === undefined) {
      log.warn({ kind, name, tenant, field }, "the owner of a kind was not heard, so a reference to it is not checked");
    }
    if (exists === false) throw unknown(kind, name, field);
  }

  async function checkWorkflow(_tx: Queryable, tenant: string, _name: string, spec: WorkflowSpec): Promise<void> {
    compilePlan(spec);
    compileInputSchema(spec.input);
    for (const [index, step] of spec.steps.entries()) {
      if (step.kind === "agent") await mustExist("Agent", tenant, step.agent, `steps[${index}].agent`);
      if (step.kind === "tool") await mustExist("Tool", tenant, step.tool, `steps[${index}].tool`);
    }
  }

  async function checkTrigger(tx: Queryable, tenant: string, _name: string, spec: TriggerSpec): Promise<void> {
    compileMapping(spec.input);
    if (!(await readResource(tx, tenant, "Workflow", spec.workflow)))
      throw unknown("Workflow", spec.workflow, "workflow");
    await mustExist("ServiceAccount", tenant, spec.runAs, "runAs");
  }

  return {
    Workflow: { schema: workflowSpec, check: checkWorkflow },
    Trigger: { schema: triggerSpec, check: checkTrigger },
  };
}

function unknown(kind: string, name: string, field: string): AppError {
  return new AppError("INVALID_ARGUMENT", `${field}: there is no ${kind} ${name}; apply it first or correct the name`, {
    reason: `UNKNOWN_${kind.replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase()}`,
    field,
  });
}
