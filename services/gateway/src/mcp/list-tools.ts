import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { ListResourcesReply, type Resource } from "@agentmesh/proto/resource";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { EdgeCall } from "../http/edge-call.ts";
import { type RoutedMethod, routed } from "../routes.ts";

export const AGENT_PREFIX = "agent_";
export const WORKFLOW_PREFIX = "workflow_";
/** Tells of a workflow's run that went on after its call was answered. */
export const RUN_TOOL = "mesh_get_run";

const MAX_RESOURCES = 500;
const listAgents = routed(runnerContract.methods.listResources.path);
const listWorkflows = routed(orchestratorContract.methods.listResources.path);

/** What the caller may run, as tools with their schemas. @throws AppError */
export async function listTools(edge: EdgeCall): Promise<object[]> {
  const agents = await list(edge, listAgents, "Agent");
  const workflows = await list(edge, listWorkflows, "Workflow");
  const tools = [...agents.map(agentTool), ...workflows.map(workflowTool)];
  return workflows.length > 0 ? [...tools, runTool] : tools;
}

async function list(edge: EdgeCall, method: RoutedMethod, kind: string): Promise<readonly Resource[]> {
  const reply = await edge.unary(method, { kind, pageSize: MAX_RESOURCES, pageToken: "" });
  return ListResourcesReply.fromPartial(Object(reply)).resources;
}

function agentTool({ name, spec }: Resource): object {
  const { memory, output } = Object(spec);
  const keepsSessions = Reflect.get(Object(memory), "session") !== false;
  const session = { type: "string", maxLength: 128, description: "Conversation this belongs to; leave out: none" };
  return {
    name: AGENT_PREFIX + name,
    title: name,
    description: descriptionOf(spec) || `Ask the agent ${name}`,
    inputSchema: {
      type: "object",
      properties: {
        text: { type: "string", minLength: 1, description: "What the agent is asked" },
        ...(keepsSessions && { session }),
      },
      required: ["text"],
      additionalProperties: false,
    },
    ...(isObjectSchema(output) && { outputSchema: output }),
  };
}

function workflowTool({ name, spec }: Resource): object {
  const { input } = Object(spec);
  return {
    name: WORKFLOW_PREFIX + name,
    title: name,
    description: descriptionOf(spec) || `Start the workflow ${name}`,
    inputSchema: isObjectSchema(input) ? input : { type: "object" },
  };
}

const runTool = {
  name: RUN_TOOL,
  title: "Run of a workflow",
  description: "How far a workflow's run is, and its output when it has ended",
  inputSchema: {
    type: "object",
    properties: { run_id: { type: "string", description: "As the workflow's tool gave it" } },
    required: ["run_id"],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true },
};

function descriptionOf(spec: unknown): string {
  const description: unknown = Reflect.get(Object(spec), "description");
  return typeof description === "string" ? description : "";
}

/** MCP has no other: a tool's input and its structured output are objects. */
function isObjectSchema(schema: unknown): schema is object {
  return Reflect.get(Object(schema), "type") === "object";
}
