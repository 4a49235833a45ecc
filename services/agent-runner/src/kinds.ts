import { AppError } from "@agentmesh/errors";
import type { KindRules } from "@agentmesh/resources";
import { type AgentSpec, agentSpec } from "./domain/agent-spec.ts";
import { compileSchema } from "./domain/json-schema.ts";
import { type ToolSpec, toolSpec } from "./domain/tool-spec.ts";
import type { Models } from "./providers/open-models.ts";
import { readToolNames } from "./store/runs.ts";
import type { HttpCaller } from "./tools/http-source.ts";
import { makeTool } from "./tools/make-tool.ts";

/** The kinds this service owns and what is checked when one is applied. */
export function resourceKinds(
  models: Models,
  http: HttpCaller,
): { Agent: KindRules<AgentSpec>; Tool: KindRules<ToolSpec> } {
  return {
    Agent: {
      schema: agentSpec,
      async check(tx, tenant, name, spec) {
        if (spec.output) compileSchema(spec.output, "spec.output");
        assertModel(models, spec.model);
        if (spec.tools.length === 0) return;
        const known = await readToolNames(tx, tenant, spec.tools);
        const missing = spec.tools.findIndex((tool) => !known.has(tool));
        if (missing >= 0) throw unknownTool(name, spec.tools[missing] ?? "", missing);
      },
    },
    Tool: {
      schema: toolSpec,
      async check(_tx, _tenant, name, spec) {
        makeTool({ name, version: 0 }, spec, http);
      },
    },
  };
}

/** A provider without a key may get one later; one that does not exist never will. */
function assertModel(models: Models, model: string): void {
  try {
    models.resolve(model);
  } catch (error) {
    if (error instanceof AppError && error.code === "INVALID_ARGUMENT") throw error;
  }
}

function unknownTool(agent: string, tool: string, index: number): AppError {
  const field = `spec.tools[${index}]`;
  return new AppError(
    "INVALID_ARGUMENT",
    `Agent/${agent}: ${field} names the tool ${JSON.stringify(tool)}, which does not exist; apply Tool/${tool} first`,
    { reason: "UNKNOWN_TOOL", field },
  );
}
