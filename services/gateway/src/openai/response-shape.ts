import { type AgentRun, AgentRun_State } from "@agentmesh/proto/runner";
import { failureOf } from "./answer-of.ts";
import { secondsOf } from "./chat-shape.ts";
import { errorCodeOf } from "./errors.ts";
import type { ResponseRequest } from "./read-response.ts";
import { responseIdOf } from "./response-id.ts";
import { responseUsage } from "./usage.ts";

export type ResponseWords = Pick<ResponseRequest, "model" | "instructions" | "previousResponseId" | "metadata">;

const STATUS: Readonly<Record<AgentRun_State, string>> = {
  [AgentRun_State.RUNNING]: "in_progress",
  [AgentRun_State.SUCCEEDED]: "completed",
  [AgentRun_State.FAILED]: "failed",
  [AgentRun_State.CANCELLED]: "cancelled",
  [AgentRun_State.UNSPECIFIED]: "in_progress",
  [AgentRun_State.UNRECOGNIZED]: "in_progress",
};

/** A run as a response. */
export function responseOf(run: AgentRun, words: ResponseWords) {
  const isAnswer = run.state === AgentRun_State.SUCCEEDED;
  return {
    id: responseIdOf({ runId: run.id, session: run.session }),
    object: "response",
    created_at: secondsOf(run.startedAt),
    completed_at: isAnswer ? secondsOf(run.endedAt) : null,
    status: STATUS[run.state],
    background: false,
    error: errorOf(run),
    incomplete_details: null,
    instructions: words.instructions,
    model: words.model,
    output: isAnswer ? [messageOf(run, "completed")] : [],
    previous_response_id: words.previousResponseId,
    conversation: run.session === "" ? null : { id: run.session },
    store: run.session !== "",
    metadata: words.metadata,
    // An agent's own.
    parallel_tool_calls: true,
    temperature: null,
    top_p: null,
    tool_choice: "auto",
    tools: [],
    text: { format: { type: "text" } },
    truncation: "disabled",
    // The model behind the agent; the embedded one says so in its name.
    system_fingerprint: run.model,
    ...(isAnswer && { usage: responseUsage(run.usage) }),
  };
}

export function messageOf({ id, text }: Pick<AgentRun, "id" | "text">, status: "in_progress" | "completed") {
  const content = status === "completed" ? [textPart(text)] : [];
  return { id: `msg_${id}`, type: "message", role: "assistant", status, content };
}

export function textPart(text: string) {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

function errorOf(run: AgentRun) {
  if (run.state !== AgentRun_State.FAILED) return null;
  const failure = failureOf(run);
  return { code: errorCodeOf(failure), message: failure.message };
}
