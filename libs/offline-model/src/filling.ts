import type { Choice } from "./choose-enum.ts";
import type { Json } from "./json.ts";
import type { Conversation } from "./read-request.ts";
import type { Field } from "./reading.ts";
import { type Answer, composeAnswer } from "./reply.ts";
import { type Review, reviewDraft } from "./review.ts";
import { UnsupportedByOfflineModel } from "./unsupported.ts";

/** The state of filling one schema. Values chosen earlier (enums first) inform later ones (confidence, booleans). */
export type Filling = {
  readonly conversation: Conversation;
  /** Arguments are searched for (keywords, ids); output is written (extracts, scores). */
  readonly purpose: "arguments" | "output";
  /** What the references of the schema point into. */
  readonly root: unknown;
  readonly fields: readonly Field[];
  readonly choices: Choice[];
  /** Required properties nothing in the text speaks for. */
  readonly missing: string[];
  readonly counters: { nodes: number; numbers: number };
  readonly answer: () => Answer;
  readonly review: () => Review | undefined;
};

/** A value, and whether the text speaks for it; without, it is the least value the schema allows. */
export type Filled = { readonly value: Json; readonly found: boolean };

const MAX_NODES = 5000;

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

export function startFilling(conversation: Conversation, purpose: Filling["purpose"], root: unknown): Filling {
  return {
    conversation,
    purpose,
    root,
    fields: conversation.reading.fields,
    choices: [],
    missing: [],
    counters: { nodes: 0, numbers: 0 },
    answer: once(() => composeAnswer(conversation)),
    review: once(() => reviewDraft(conversation)),
  };
}

/** Counts a value filled; a schema of more than 5000 is refused. */
export function countNode(filling: Filling): void {
  filling.counters.nodes += 1;
  if (filling.counters.nodes > MAX_NODES)
    throw new UnsupportedByOfflineModel(`a schema of more than ${MAX_NODES} values`);
}
