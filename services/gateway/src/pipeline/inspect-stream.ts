import { inspectText, type Policy } from "@agentmesh/inspect";
import type { Body } from "./body.ts";
import { PAUSE, withPauses } from "./pauses.ts";

/** A frame that carries a piece of a text: `{ event: { $case: "textDelta", value } }`. */
type DeltaFrame = { readonly event: { readonly $case: "textDelta"; readonly value: string } };

export type StreamInspection = {
  readonly policy: Policy;
  /** Inspects one frame and redacts it, or throws. */
  readonly look: (body: Body) => Body;
  /** A frame made anew from a message. */
  readonly make: (message: unknown) => Body;
  /** How long a text may pause before what is safe of it leaves, in milliseconds. Default 250. */
  readonly idleMs?: number;
};

// Longer than any card, IBAN or number together with the words before it that give it away.
const HELD_CHARS = 256;
const CONTEXT_CHARS = 64;
// A run without a space (a key, a token) is held to its end, but not for ever.
const MAX_HELD_CHARS = 8192;
// Long enough not to cut a model's steady text into pieces; a reader notices hardly more.
const IDLE_MS = 250;

/**
 * Inspects a stream frame by frame. Pieces of a text are joined and held back so far that what was cut in two is still
 * recognised; the end of the text leaves before the first frame that is no text.
 *
 * Only whole pieces leave, as a frame like the last of them: whoever resumes after its number has all the text before.
 * When a model pauses, what cannot be the beginning of a finding leaves as well.
 */
export async function* inspectStream(frames: AsyncIterable<Body>, inspection: StreamInspection): AsyncIterable<Body> {
  const { look, make, policy, idleMs = IDLE_MS } = inspection;
  let held: DeltaFrame[] = [];
  for await (const body of withPauses(frames, idleMs, () => held.length > 0)) {
    if (body === PAUSE) {
      const count = countOnPause(held.map(textOf), policy);
      if (count > 0) yield look(make(join(held.slice(0, count))));
      held = held.slice(count);
      continue;
    }
    const { message } = body;
    if (isDelta(message)) {
      held.push(message);
      const count = countToLetGo(held.map(textOf), policy);
      if (count > 0) yield look(make(join(held.slice(0, count))));
      held = held.slice(count);
    } else {
      if (held.length > 0) yield look(make(join(held)));
      held = [];
      yield look(body);
    }
  }
  if (held.length > 0) yield look(make(join(held)));
}

/** How many of the pieces of a text may leave; 0: none of them yet. */
function countToLetGo(pieces: readonly string[], policy: Policy): number {
  const text = pieces.join("");
  return countUpTo(pieces, cutOf(text), text, policy);
}

// What may be the beginning of a finding or give one away: digits, signs before a value, the letters of an IBAN's country,
// and the words that recognisers of numbers and keys look for.
const TELLING =
  /[\d@=:+(#]|--|\b[A-Z]{2}\s*$|ssn|soc|\bss\b|\btin\b|tax|secret|token|key|credential|authoriz|bearer|basic|number|iban|card|phone|tel|mobil|móvil|cell?|fax|call|ring|dial|whatsapp|sms|text me|reach|hotline|handy|anruf|rufnum|appel|portable|llam|llám|chiama|bellen|電話|电话|手机/i;

/** The same when nothing comes for a while: as far as the last words could not be the beginning of anything. */
function countOnPause(pieces: readonly string[], policy: Policy): number {
  const text = pieces.join("");
  if (text.length > MAX_HELD_CHARS || text.includes("-----")) return 0;
  const cut = text.search(/\S*$/);
  const isTelling = TELLING.test(text.slice(Math.max(0, cut - CONTEXT_CHARS)));
  return isTelling ? 0 : countUpTo(pieces, cut, text, policy);
}

function countUpTo(pieces: readonly string[], cut: number, text: string, policy: Policy): number {
  if (cut < (pieces[0]?.length ?? 0)) return 0;
  const findings = text.length > MAX_HELD_CHARS ? [] : inspectText(text, policy).findings;
  const kept = findings.filter(({ action }) => action !== "allow");
  let end = 0;
  let count = 0;
  for (const [index, piece] of pieces.entries()) {
    end += piece.length;
    if (end > cut) break;
    // What follows keeps the words that give it away.
    if (!kept.some((finding) => finding.end > end && finding.start - CONTEXT_CHARS < end)) count = index + 1;
  }
  return count;
}

/** As far as a text may leave, were it not for what is found in it; -1: it is held whole. */
function cutOf(text: string): number {
  if (text.length <= HELD_CHARS) return -1;
  const cut = text.lastIndexOf(" ", text.length - HELD_CHARS) + 1;
  if (cut > 0) return cut;
  return text.length > MAX_HELD_CHARS ? text.length - HELD_CHARS : -1;
}

function textOf({ event }: DeltaFrame): string {
  return event.value;
}

function join(frames: readonly DeltaFrame[]): DeltaFrame | undefined {
  const last = frames.at(-1);
  return last && { ...last, event: { $case: "textDelta", value: frames.map(textOf).join("") } };
}

function isDelta(message: unknown): message is DeltaFrame {
  if (message === null || typeof message !== "object" || !("event" in message)) return false;
  const { event } = message;
  return event !== null && typeof event === "object" && "$case" in event && event.$case === "textDelta";
}
