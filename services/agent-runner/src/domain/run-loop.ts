import { AppError } from "@agentmesh/errors";
import type { AgentDefinition } from "./agent.ts";
import { type CallToolsPorts, callTools } from "./call-tools.ts";
import { judgeOutput, repairMessage } from "./judge-output.ts";
import type { ChatMessage, ModelReply, ModelRequest } from "./model.ts";

/** What a run needs of the world. */
export type LoopPorts = CallToolsPorts & {
  callModel(request: ModelRequest): Promise<ModelReply>;
};

export type LoopResult = {
  readonly text: string;
  /** Satisfies the output schema; undefined where the agent has none. */
  readonly output: unknown;
  /** False when the answer was cut short or a tool with an effect was called: such an answer is not to be kept. */
  readonly isReusable: boolean;
};

const MAX_REPAIRS = 2;

/**
 * The loop of one run: ask the model, call the tools it asks for, until it answers. An answer that does not satisfy the
 * output schema is handed back with what is wrong, MAX_REPAIRS times. What the model asks for in its last turn is not
 * done, for nobody would read the result.
 *
 * @throws AppError FAILED_PRECONDITION: TURNS_EXHAUSTED, INVALID_OUTPUT, PROVIDER_FILTERED
 */
export async function runLoop(agent: AgentDefinition, input: string, ports: LoopPorts): Promise<LoopResult> {
  const { spec } = agent;
  const messages: ChatMessage[] = [
    { role: "system", content: spec.instructions },
    { role: "user", content: input },
  ];
  const request: ModelRequest = {
    messages,
    tools: agent.declarations,
    output: agent.output && { name: agent.name, schema: agent.output.schema },
    temperature: spec.temperature,
    maxTokens: spec.maxTokens,
  };
  let hadEffect = false;
  let repairs = 0;
  for (let turn = 1; turn <= spec.limits.turns; ) {
    const reply = await ports.callModel(request);
    if (reply.finish === "content_filter") throw filtered(agent);
    if (reply.toolCalls.length > 0) {
      if (turn === spec.limits.turns) break;
      messages.push({ role: "assistant", content: reply.text || null, tool_calls: [...reply.toolCalls] });
      const called = await callTools(agent.tools, reply.toolCalls, ports);
      hadEffect ||= called.hadEffect;
      messages.push(...called.messages);
      turn += 1;
      continue;
    }
    const isReusable = !hadEffect && reply.finish !== "length";
    if (!agent.output) return { text: reply.text, output: undefined, isReusable };
    const judged = judgeOutput(agent.output, reply.text);
    if (judged.ok) return { text: reply.text, output: judged.output, isReusable };
    if (repairs === MAX_REPAIRS) throw invalid(agent, judged.errors);
    repairs += 1;
    messages.push({ role: "assistant", content: reply.text }, { role: "user", content: repairMessage(judged.errors) });
  }
  throw new AppError(
    "FAILED_PRECONDITION",
    `agent ${agent.name} asked for tools in each of its ${spec.limits.turns} turns; raise limits.turns or narrow its instructions`,
    { reason: "TURNS_EXHAUSTED" },
  );
}

function invalid(agent: AgentDefinition, errors: readonly string[]): AppError {
  return new AppError(
    "FAILED_PRECONDITION",
    `agent ${agent.name}: after ${MAX_REPAIRS} repairs its output still does not satisfy its schema: ${errors.join("; ")}`,
    { reason: "INVALID_OUTPUT" },
  );
}

function filtered(agent: AgentDefinition): AppError {
  return new AppError("FAILED_PRECONDITION", `agent ${agent.name}: the model's provider withheld the answer`, {
    reason: "PROVIDER_FILTERED",
  });
}
