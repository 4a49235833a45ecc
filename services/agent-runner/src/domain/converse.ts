import { AppError } from "@agentmesh/errors";
import type { AgentDefinition } from "./agent.ts";
import { type CallToolsPorts, callTools } from "./call-tools.ts";
import { judgeOutput, repairMessage } from "./judge-output.ts";
import type { ChatMessage, ModelReply, ModelRequest } from "./model.ts";
import type { NamedSchema } from "./reasoning/schemas.ts";
import type { TraceEntry } from "./reasoning/trace.ts";

/** What a run needs of the world. */
export type LoopPorts = CallToolsPorts & {
  /** @param quiet its text is not the run's answer, so it is not streamed */
  callModel(request: ModelRequest, quiet?: boolean): Promise<ModelReply>;
  /** What was thought, planned and done, as it happens. */
  onTrace?(entry: TraceEntry): void;
};

/** One run of an agent and what it remembers from turn to turn. */
export type Loop = {
  readonly agent: AgentDefinition;
  readonly ports: LoopPorts;
  /** Whether an answer may be kept: not after a tool with an effect, one whose answers change, or a text cut short. */
  isReusable: boolean;
  /** How many turns asked for a call, by tool and arguments. */
  readonly asked: Map<string, number>;
  /** Names of the effects it had: what was done, with what, the how manieth time. */
  readonly made: Set<string>;
};

export type Ask = {
  /** What is asked; grows by what is said. */
  readonly messages: ChatMessage[];
  readonly output: NamedSchema | undefined;
  readonly usesTools: boolean;
  readonly quiet: boolean;
};

export type Said = { readonly text: string; readonly output: unknown };

const MAX_REPAIRS = 2;
const MAX_SAME_CALLS = 3;

/**
 * Asks the model and calls the tools it asks for, until it answers. An answer that does not satisfy the schema is handed
 * back with what is wrong, MAX_REPAIRS times. What the model asks for in its last turn is not done, for nobody would read
 * the result.
 *
 * @throws AppError FAILED_PRECONDITION: TURNS_EXHAUSTED, LOOPING, INVALID_OUTPUT, PROVIDER_FILTERED
 */
export async function converse(loop: Loop, { messages, output, usesTools, quiet }: Ask): Promise<Said> {
  const { agent, ports } = loop;
  const { spec } = agent;
  const request: ModelRequest = {
    messages,
    tools: usesTools ? agent.declarations : [],
    output: output && { name: output.name, schema: output.schema.schema },
    temperature: spec.temperature,
    maxTokens: spec.maxTokens,
  };
  let repairs = 0;
  for (let turn = 1; turn <= spec.limits.turns; ) {
    const reply = await ports.callModel(request, quiet);
    if (reply.finish === "content_filter") throw filtered(agent);
    if (reply.toolCalls.length > 0) {
      if (turn === spec.limits.turns) break;
      messages.push({ role: "assistant", content: reply.text || null, tool_calls: [...reply.toolCalls] });
      noteCalls(loop, reply);
      const called = await callTools(agent.tools, reply.toolCalls, ports, loop.made);
      loop.isReusable &&= called.isReusable;
      messages.push(...called.messages);
      turn += 1;
      continue;
    }
    if (reply.finish === "length") loop.isReusable = false;
    if (!output) return { text: reply.text, output: undefined };
    const judged = judgeOutput(output.schema, reply.text);
    if (judged.ok) return { text: reply.text, output: judged.output };
    if (repairs === MAX_REPAIRS) throw invalid(agent, output, judged.errors);
    repairs += 1;
    messages.push({ role: "assistant", content: reply.text }, { role: "user", content: repairMessage(judged.errors) });
  }
  throw new AppError(
    "FAILED_PRECONDITION",
    `agent ${agent.name} asked for tools in each of its ${spec.limits.turns} turns; raise limits.turns or narrow its instructions`,
    { reason: "TURNS_EXHAUSTED" },
  );
}

/** A model that asks for the same thing turn after turn will not stop. Each call counts once a turn. */
function noteCalls({ agent, asked }: Loop, reply: ModelReply): void {
  for (const key of new Set(reply.toolCalls.map((call) => `${call.function.name} ${call.function.arguments}`))) {
    const times = (asked.get(key) ?? 0) + 1;
    asked.set(key, times);
    if (times <= MAX_SAME_CALLS) continue;
    throw new AppError(
      "FAILED_PRECONDITION",
      `agent ${agent.name} asked ${times} times for the same call, ${key.slice(0, 200)}; what the tool answers does not help it: see to its description or the instructions`,
      { reason: "LOOPING" },
    );
  }
}

function invalid(agent: AgentDefinition, { name }: NamedSchema, errors: readonly string[]): AppError {
  const what = name === agent.name ? "output" : name;
  return new AppError(
    "FAILED_PRECONDITION",
    `agent ${agent.name}: after ${MAX_REPAIRS} repairs its ${what} still does not satisfy its schema: ${errors.join("; ")}`,
    { reason: "INVALID_OUTPUT" },
  );
}

function filtered(agent: AgentDefinition): AppError {
  return new AppError("FAILED_PRECONDITION", `agent ${agent.name}: the model's provider withheld the answer`, {
    reason: "PROVIDER_FILTERED",
  });
}
