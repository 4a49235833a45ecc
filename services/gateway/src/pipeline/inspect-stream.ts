import { inspectText, type Policy } from "@agentmesh/inspect";
import type { Body } from "./body.ts";

/** A frame that carries a piece of a text: `{ event: { $case: "textDelta", value } }`. */
type DeltaFrame = { readonly event: { readonly $case: "textDelta"; readonly value: string } };

export type StreamInspection = {
  readonly policy: Policy;
  /** Inspects one frame and redacts it, or throws. */
  readonly look: (body: Body) => Body;
  /** A frame made anew from a message. */
  readonly make: (message: unknown) => Body;
};

// Longer than any card, IBAN or number together with the words before it that give it away.
const HELD_CHARS = 256;
const CONTEXT_CHARS = 64;
// A run without a space (a key, a token) is held to its end, but not for ever.
const MAX_HELD_CHARS = 8192;

/**
 * Inspects a stream frame by frame. Pieces of a text are joined and held back so far that what was cut in two is still
 * recognised; the end of the text leaves before the first frame that is no text.
 */
export async function* inspectStream(frames: AsyncIterable<Body>, inspection: StreamInspection): AsyncIterable<Body> {
  const { look, make } = inspection;
  let last: DeltaFrame | undefined;
  let held = "";
  for await (const body of frames) {
    const { message } = body;
    if (isDelta(message)) {
      last = message;
      held += message.event.value;
      const cut = safeCut(held, inspection.policy);
      if (cut > 0) yield look(make(withText(message, held.slice(0, cut))));
      held = held.slice(cut);
    } else {
      if (last && held !== "") yield look(make(withText(last, held)));
      held = "";
      yield look(body);
    }
  }
  if (last && held !== "") yield look(make(withText(last, held)));
}

/** How much of a text may leave; 0: none of it yet. */
export function safeCut(text: string, policy: Policy): number {
  if (text.length <= HELD_CHARS) return 0;
  const cut = text.lastIndexOf(" ", text.length - HELD_CHARS) + 1;
  if (text.length > MAX_HELD_CHARS) return cut || text.length - HELD_CHARS;
  const ahead = inspectText(text, policy).findings.find(({ end, action }) => action !== "allow" && end > cut);
  if (!ahead || cut === 0) return cut;
  return text.lastIndexOf(" ", Math.max(0, Math.min(cut, ahead.start - CONTEXT_CHARS))) + 1;
}

function withText(frame: DeltaFrame, text: string): DeltaFrame {
  return { ...frame, event: { $case: "textDelta", value: text } };
}

function isDelta(message: unknown): message is DeltaFrame {
  if (message === null || typeof message !== "object" || !("event" in message)) return false;
  const { event } = message;
  return event !== null && typeof event === "object" && "$case" in event && event.$case === "textDelta";
}
