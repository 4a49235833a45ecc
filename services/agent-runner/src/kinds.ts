import { AppError } from "@agentmesh/errors";
import type { KindRules } from "@agentmesh/resources";
import { type AgentSpec, agentSpec } from "./domain/agent-spec.ts";
import { compileSchema } from "./domain/json-schema.ts";
import { type ToolSpec, toolSpec } from "./domain/tool-spec.ts";
import { assertCanAsk } from "./effects/assert-can-ask.ts";
import type { Models } from "./providers/open-models.ts";
import { readToolEffects } from "./store/runs.ts";
import { assertNoCycle } from "./tools/assert-no-cycle.ts";
import { makeTool, type ToolPorts } from "./tools/make-tool.ts";

/** The kinds this service owns and what is checked when one is applied. */
export function resourceKinds(
  models: Models,
  ports: ToolPorts,
): { Agent: KindRules<AgentSpec>; Tool: KindRules<ToolSpec> } {
  return {
    Agent: {
      schema: agentSpec,
      async check(tx, tenant, name, spec) {
        if (spec.output) compileSchema(spec.output, "spec.output");
        for (const model of modelsOf(spec)) assertModel(models, model);
        if (spec.quality.judge === name) throw judgesItself(name);
        if (spec.tools.length === 0) return;
        const known = await readToolEffects(tx, tenant, spec.tools);
        const missing = spec.tools.findIndex((tool) => !known.has(tool));
        if (missing >= 0) throw unknownTool(name, spec.tools[missing] ?? "", missing);
        if (spec.cache.mode === "semantic") assertOnlyReads(name, spec.tools, known);
        await assertNoCycle(tx, tenant, { kind: "Agent", name, uses: spec.tools });
      },
    },
    Tool: {
      schema: toolSpec,
      async check(tx, tenant, name, spec) {
        makeTool({ name, version: 0 }, spec, ports);
        if (spec.effects?.mode === "verify") await assertCanAsk(tx, tenant, name, spec.effects.by);
        if (spec.source.type !== "agent") return;
        await assertNoCycle(tx, tenant, { kind: "Tool", name, uses: [spec.source.agent] });
      },
    },
  };
}

function modelsOf({ model, fallbacks, modelChoice }: AgentSpec): string[] {
  return [model, ...fallbacks, ...(modelChoice ? [modelChoice.simple, modelChoice.complex] : [])];
}

function judgesItself(agent: string): AppError {
  return new AppError("INVALID_ARGUMENT", `Agent/${agent}: spec.quality.judge is the agent itself; name another one`, {
    reason: "JUDGES_ITSELF",
    field: "spec.quality.judge",
  });
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

/** Another wording's answer stands for no effect: it would be skipped, and nobody would be told. */
function assertOnlyReads(agent: string, tools: readonly string[], effects: ReadonlyMap<string, string>): void {
  const tool = tools.find((name) => effects.get(name) !== "read");
  if (tool === undefined) return;
  const field = "spec.cache.mode";
  throw new AppError(
    "INVALID_ARGUMENT",
    `Agent/${agent}: ${field} is "semantic", which is for agents whose tools only read; ${tool} is ${effects.get(tool)}; say "exact" or "off", or leave the tool out`,
    { reason: "SEMANTIC_WITH_EFFECTS", field },
  );
}
