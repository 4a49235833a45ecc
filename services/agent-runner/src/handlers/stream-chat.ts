import { AppError } from "@agentmesh/errors";
import { ChatEvent, type CompleteChatRequest } from "@agentmesh/proto/runner";
import type { Call, DeepPartial } from "@agentmesh/rpc";
import { prepareChat } from "../chat/ask-model.ts";
import type { Context } from "../context.ts";
import { askedOf, describeAnswer } from "./complete-chat.ts";

type Event = NonNullable<DeepPartial<ChatEvent>["event"]>;

// A model writes a few hundred pieces a second; a reader this far behind holds the call up no longer.
const MAX_WAITING = 50_000;

/** A model's answer as it comes. A reader who leaves ends the call; what it cost until then is recorded. */
export async function* streamChat(
  context: Context,
  request: CompleteChatRequest,
  call: Call,
): AsyncGenerator<DeepPartial<ChatEvent>> {
  const abort = new AbortController();
  const waiting: Event[] = [];
  let news = Promise.withResolvers<void>();
  function tell(event: Event): void {
    waiting.push(event);
    if (waiting.length > MAX_WAITING) abort.abort(tooSlow());
    news.resolve();
  }
  const chat = prepareChat(context, {
    ...askedOf(request, call),
    signal: AbortSignal.any([call.signal, abort.signal]),
    onText: (value) => tell({ $case: "textDelta", value }),
  });
  let seq = 0;
  const numbered = (event: Event) => ChatEvent.fromPartial({ seq: ++seq, event });
  const { id, model, startedAt } = chat;
  let outcome: { readonly error: unknown } | undefined;
  const asking = chat.ask().then(
    (answered) => {
      const value = describeAnswer(answered);
      for (const toolCall of value.toolCalls ?? []) tell({ $case: "toolCall", value: toolCall });
      tell({ $case: "ended", value });
    },
    (error: unknown) => {
      outcome = { error };
      news.resolve();
    },
  );
  try {
    yield numbered({ $case: "started", value: { id, model, startedAt } });
    for (;;) {
      const next = waiting.shift();
      if (next) {
        yield numbered(next);
        if (next.$case === "ended") return;
      } else if (outcome) throw outcome.error;
      else {
        await news.promise;
        news = Promise.withResolvers<void>();
      }
    }
  } finally {
    abort.abort(new AppError("CANCELLED", "the reader of the chat has left"));
    await asking;
  }
}

function tooSlow(): AppError {
  return new AppError("RESOURCE_EXHAUSTED", `the reader is ${MAX_WAITING} pieces behind; read faster`, {
    reason: "SLOW_READER",
  });
}
