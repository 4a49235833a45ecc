import type { AgentDefinition } from "./agent.ts";
import { converse, type Loop, type LoopPorts } from "./converse.ts";
import type { ChatMessage, ContentPart } from "./model.ts";
import { followPlan } from "./reasoning/follow-plan.ts";
import { think } from "./reasoning/think.ts";

export type { LoopPorts } from "./converse.ts";

export type LoopInput = string | ContentPart[];

export type LoopResult = {
  readonly text: string;
  /** Satisfies the output schema; undefined where the agent has none. */
  readonly output: unknown;
  /** False when the answer was cut short, or hangs on a tool with an effect or on one that answers otherwise tomorrow. */
  readonly isReusable: boolean;
};

/**
 * One run: what the agent's reasoning asks for first, then the answer. After a plan the answer is made of what its steps
 * found, without tools.
 *
 * @param before what was said before this run, between the instructions and the input
 * @throws AppError FAILED_PRECONDITION: TURNS_EXHAUSTED, LOOPING, INVALID_OUTPUT, PROVIDER_FILTERED
 */
export async function runLoop(
  agent: AgentDefinition,
  input: LoopInput,
  ports: LoopPorts,
  before: readonly ChatMessage[] = [],
): Promise<LoopResult> {
  const { instructions, reasoning } = agent.spec;
  const loop: Loop = { agent, ports, isReusable: true, asked: new Map(), made: new Set() };
  const messages: ChatMessage[] = [
    { role: "system", content: instructions },
    ...before,
    { role: "user", content: input },
  ];
  if (reasoning.includes("chain-of-thought")) await think(loop, messages);
  // Which strategy is named first does not matter: one thinks before one plans.
  const hasPlan = reasoning.includes("plan-and-solve");
  if (hasPlan) await followPlan(loop, messages);
  const output = agent.output && { name: agent.name, schema: agent.output };
  const said = await converse(loop, { messages, output, usesTools: !hasPlan, quiet: false });
  return { ...said, isReusable: loop.isReusable };
}
