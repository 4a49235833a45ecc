import { setTimeout as wait } from "node:timers/promises";
import type { Bus } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import { watchResources } from "@agentmesh/resources";
import { type AgentDefinition, defineAgent } from "./domain/agent.ts";
import { type AgentSpec, agentSpec } from "./domain/agent-spec.ts";
import { compileSchema } from "./domain/json-schema.ts";
import type { Tool } from "./domain/tool.ts";
import { toolSpec } from "./domain/tool-spec.ts";
import { makeTool, type ToolPorts } from "./tools/make-tool.ts";

/** All agents and tools of all tenants, compiled, as they stand now. */
export type Directory = AsyncDisposable & {
  /** @throws AppError NOT_FOUND; FAILED_PRECONDITION when one of its tools is gone */
  agent(tenant: string, name: string): AgentDefinition;
  /** @throws AppError NOT_FOUND */
  tool(tenant: string, name: string): Tool;
  /** Undefined: there is no such agent. */
  spec(tenant: string, name: string): AgentSpec | undefined;
  /** Of all tenants. */
  specs(): Iterable<{ readonly tenant: string; readonly spec: AgentSpec }>;
  /** Forgets what was compiled and is not in use; it is compiled again when it is asked for. */
  trim(): void;
  /** Resolves when a version that was just stored is here, or after a second: other replicas learn as we do. */
  await(kind: string, tenant: string, name: string, version: number): Promise<void>;
};

const LOAD_WITHIN_MS = 10_000;
const AWAIT_MS = 1_000;
const LOOK_AGAIN_MS = 5;

export async function openDirectory(bus: Bus, ports: ToolPorts): Promise<Directory> {
  let toolChanges = 0;
  const defined = new Map<string, { row: object; toolChanges: number; definition: AgentDefinition }>();
  const tools = watchResources(bus, "Tool", (spec, row) => makeTool(row, toolSpec.parse(spec), ports), {
    onChange: () => {
      toolChanges += 1;
    },
  });
  const agents = watchResources(
    bus,
    "Agent",
    (value) => {
      const spec = agentSpec.parse(value);
      return { spec, output: spec.output && compileSchema(spec.output, "spec.output") };
    },
    { onChange: (key) => defined.delete(key) },
  );
  // Beyond that the first runs may miss an agent that is still on its way, which is better than never to start.
  await Promise.race([Promise.all([agents.loaded, tools.loaded]), wait(LOAD_WITHIN_MS, undefined, { ref: false })]);

  function tool(tenant: string, name: string): Tool {
    const row = tools.get(`${tenant}.${name}`);
    if (row) return row.spec;
    throw notFound("Tool", name);
  }

  return {
    tool,
    agent(tenant, name) {
      const key = `${tenant}.${name}`;
      const row = agents.get(key);
      if (!row) throw notFound("Agent", name);
      const known = defined.get(key);
      if (known && known.row === row && known.toolChanges === toolChanges) return known.definition;
      const definition = defineAgent(
        { tenant, name, version: row.version },
        row.spec.spec,
        row.spec.output,
        row.spec.spec.tools.map((used) => tool(tenant, used)),
      );
      defined.set(key, { row, toolChanges, definition });
      return definition;
    },
    spec: (tenant, name) => agents.get(`${tenant}.${name}`)?.spec.spec,
    *specs() {
      for (const [, { tenant, spec }] of agents.entries()) yield { tenant, spec: spec.spec };
    },
    trim: () => defined.clear(),
    async await(kind, tenant, name, version) {
      const rows = kind === "Tool" ? tools : agents;
      const untilMs = performance.now() + AWAIT_MS;
      while ((rows.get(`${tenant}.${name}`)?.version ?? 0) < version && performance.now() < untilMs) {
        await wait(LOOK_AGAIN_MS);
      }
    },
    async [Symbol.asyncDispose]() {
      await agents[Symbol.asyncDispose]();
      await tools[Symbol.asyncDispose]();
    },
  };
}

function notFound(kind: string, name: string): AppError {
  return new AppError("NOT_FOUND", `${kind}/${name} does not exist; apply it or list what does`, {
    reason: kind === "Tool" ? "TOOL_NOT_FOUND" : "AGENT_NOT_FOUND",
    field: kind.toLowerCase(),
  });
}
