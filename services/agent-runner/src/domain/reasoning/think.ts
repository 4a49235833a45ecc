import { converse, type Loop } from "../converse.ts";
import type { ChatMessage } from "../model.ts";
import { readThoughts, thoughtsSchema } from "./schemas.ts";

const ASK =
  "Before you answer or call a tool, think step by step: what is asked, what is known, what follows. Write the thoughts only.";

/** Chain of thought: one call that only thinks. What it thought stands in the conversation from then on. */
export async function think(loop: Loop, messages: ChatMessage[]): Promise<void> {
  const asked = withWish(messages, ASK);
  const { output } = await converse(loop, { messages: asked, output: thoughtsSchema, usesTools: false, quiet: true });
  const { thoughts } = readThoughts.parse(output);
  loop.ports.onTrace?.({ kind: "thought", thoughts });
  messages.push({ role: "assistant", content: thoughts.join("\n") });
}

/** The conversation with one more instruction, for one question only. */
export function withWish(messages: readonly ChatMessage[], wish: string): ChatMessage[] {
  return messages.map((message, index) =>
    index === 0 && message.role === "system" ? { ...message, content: `${message.content}\n\n${wish}` } : message,
  );
}
