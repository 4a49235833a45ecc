import { AppError } from "@agentmesh/errors";
import { compileMapping } from "@agentmesh/mapping";
import type { Queryable } from "@agentmesh/postgres";
import { type ResourceKinds, readResource } from "@agentmesh/resources";
import type { Logger } from "@agentmesh/telemetry";
import { compileInputSchema } from "./domain/input-schema.ts";
import { compilePlan } from "./domain/plan.ts";
import { compileTeam } from "./domain/team/compile-team.ts";
import { type TeamSpec, teamSpec } from "./domain/team/team-spec.ts";
import type { Schema } from "./domain/types/schema.ts";
import type { Known } from "./domain/types/step-outputs.ts";
import { type WorkflowSpec, workflowSpec } from "./domain/workflow-spec.ts";
import type { ForeignKind, Snapshots } from "./snapshots.ts";
import { type TriggerSpec, triggerSpec } from "./triggers/trigger-spec.ts";

/** The kinds this service owns: schemas, and what a schema cannot say. */
export function resourceKinds(snapshots: Snapshots, log: Logger): ResourceKinds {
  async function mustExist(kind: ForeignKind, tenant: string, name: string, field: string): Promise<void> {
    const exists = await snapshots.exists(kind, tenant, name);
    if (exists === undefined) {
      log.warn({ kind, name, tenant, field }, "the owner of a kind was not heard, so a reference to it is not checked");
    }
    if (exists === false) throw unknown(kind, name, field);
  }

  /** Shape first: what is wrong in itself is said also when nobody knows what it refers to. */
  async function checkWorkflow(tx: Queryable, tenant: string, _name: string, spec: WorkflowSpec): Promise<void> {
    compilePlan(spec);
    compileInputSchema(spec.input);
    for (const { kind, name, field } of namesIn(spec)) await mustExist(kind, tenant, name, field);
    compilePlan(spec, await knownTo(tx, tenant, spec));
  }

  async function checkTeam(_tx: Queryable, tenant: string, _name: string, team: TeamSpec): Promise<void> {
    for (const [index, { agent }] of team.members.entries()) {
      await mustExist("Agent", tenant, agent, `members[${index}].agent`);
    }
    if (team.review) await mustExist("Agent", tenant, team.review.by, "review.by");
    const spec = compileTeam(team);
    compilePlan(spec);
    compileInputSchema(spec.input);
  }

  /** Schemas of what a workflow calls, as far as they are known here. */
  async function knownTo(tx: Queryable, tenant: string, spec: WorkflowSpec): Promise<Known> {
    const inputs = new Map<string, Schema>();
    for (const step of spec.steps) {
      const name = step.kind === "workflow" || step.kind === "map" ? step.workflow : undefined;
      if (name === undefined || name.startsWith("$.") || name.startsWith("team:")) continue;
      const row = await readResource(tx, tenant, "Workflow", name);
      if (row) inputs.set(name, workflowSpec.parse(row.spec).input);
    }
    return {
      agentOutput: (name) => schemaAt(snapshots.specOf("Agent", tenant, name), "output"),
      toolParameters: (name) => schemaAt(snapshots.specOf("Tool", tenant, name), "parameters"),
      workflowInput: (name) => inputs.get(name),
    };
  }

  async function checkTrigger(tx: Queryable, tenant: string, _name: string, spec: TriggerSpec): Promise<void> {
    compileMapping(spec.input);
    if (!(await readResource(tx, tenant, "Workflow", spec.workflow)))
      throw unknown("Workflow", spec.workflow, "workflow");
    await mustExist("ServiceAccount", tenant, spec.runAs, "runAs");
  }

  return {
    Workflow: { schema: workflowSpec, check: checkWorkflow },
    Team: { schema: teamSpec, check: checkTeam },
    Trigger: { schema: triggerSpec, check: checkTrigger },
  };
}

function schemaAt(spec: unknown, member: string): Schema | undefined {
  const schema: unknown = spec !== null && typeof spec === "object" ? Reflect.get(spec, member) : undefined;
  return schema !== null && typeof schema === "object" ? { ...schema } : undefined;
}

type Named = { readonly kind: ForeignKind; readonly name: string; readonly field: string };

/** Agents and tools that a workflow names; those that a path chooses are looked up when it is known which. */
function namesIn(spec: WorkflowSpec): Named[] {
  return spec.steps.flatMap((step, index) => {
    const at = `steps[${index}]`;
    const found: Named[] = [];
    const add = (parts: { agent?: string | undefined; tool?: string | undefined }, field: string) => {
      if (parts.agent !== undefined) found.push({ kind: "Agent", name: parts.agent, field: `${field}.agent` });
      if (parts.tool !== undefined) found.push({ kind: "Tool", name: parts.tool, field: `${field}.tool` });
    };
    if (step.kind === "agent" || step.kind === "tool" || step.kind === "map") add(step, at);
    if (step.kind === "gather" && step.reduce) add(step.reduce, `${at}.reduce`);
    if ("compensate" in step && step.compensate) add(step.compensate, `${at}.compensate`);
    if (step.kind === "route") {
      for (const [number, candidate] of step.candidates.entries()) {
        add({ agent: candidate.agent }, `${at}.candidates[${number}]`);
      }
    }
    return found.filter(({ name }) => !name.startsWith("$."));
  });
}

function unknown(kind: string, name: string, field: string): AppError {
  return new AppError("INVALID_ARGUMENT", `${field}: there is no ${kind} ${name}; apply it first or correct the name`, {
    reason: `UNKNOWN_${kind.replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase()}`,
    field,
  });
}
