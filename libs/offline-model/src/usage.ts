import type { ChatRequest, Usage } from "./chat.ts";
import { textOf } from "./read-request.ts";
import { countTokens } from "./tokenizer.ts";

/** A message is serialised as its role, a line break, its text, its calls as JSON, and a line break. */
const TOKENS_PER_FRAME = 2;

/**
 * The tokens of a request as it is serialised for the model: each message as above, the tools and the output schema as
 * JSON. Nothing is left out, however long.
 */
export function countPrompt(request: ChatRequest): number {
  let count = 0;
  request.messages.forEach((message, index) => {
    count += countTokens(message.role) + TOKENS_PER_FRAME + countTokens(textOf(message, index));
    if (message.name !== undefined) count += countTokens(message.name);
    if (message.tool_call_id !== undefined) count += countTokens(message.tool_call_id);
    if (message.tool_calls) count += countTokens(JSON.stringify(message.tool_calls));
  });
  if (request.tools && request.tools.length > 0) count += countTokens(JSON.stringify(request.tools));
  if (request.response_format?.type === "json_schema")
    count += countTokens(JSON.stringify(request.response_format.json_schema));
  return count;
}

export function usageOf(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
