import { AppError } from "@agentmesh/errors";
import { type Utterance, Utterance_Speaker } from "@agentmesh/proto/runner";
import type { ChatMessage } from "../domain/model.ts";

const MAX_UTTERANCES = 200;
const MAX_HISTORY_CHARS = 512 * 1024;

/** What was said before, as the model reads it. @throws AppError INVALID_ARGUMENT */
export function readHistory(history: readonly Utterance[]): readonly ChatMessage[] {
  const chars = history.reduce((sum, { text }) => sum + text.length, 0);
  if (history.length > MAX_UTTERANCES || chars > MAX_HISTORY_CHARS) {
    throw invalid(
      "TOO_LARGE",
      `a history of ${history.length} utterances with ${chars} characters; at most ${MAX_UTTERANCES} and ${MAX_HISTORY_CHARS}: send the newest, or use a session`,
      "history",
    );
  }
  return history.map(({ speaker, text }, index) => ({ role: roleOf(speaker, index), content: text.normalize("NFC") }));
}

function roleOf(speaker: Utterance_Speaker, index: number): "user" | "assistant" | "system" {
  switch (speaker) {
    case Utterance_Speaker.USER:
      return "user";
    case Utterance_Speaker.ASSISTANT:
      return "assistant";
    case Utterance_Speaker.SYSTEM:
      return "system";
    case Utterance_Speaker.UNSPECIFIED:
    case Utterance_Speaker.UNRECOGNIZED: {
      const field = `history[${index}].speaker`;
      throw invalid(
        "BAD_SPEAKER",
        `${field} is not said; it is SPEAKER_USER, SPEAKER_ASSISTANT or SPEAKER_SYSTEM`,
        field,
      );
    }
    default:
      return speaker satisfies never;
  }
}

function invalid(reason: string, message: string, field: string): AppError {
  return new AppError("INVALID_ARGUMENT", message, { reason, field });
}
