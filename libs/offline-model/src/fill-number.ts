import type { Filled, Filling } from "./filling.ts";
import { findField, findNumber } from "./find-value.ts";
import { fitNumber } from "./fit.ts";
import type { Schema } from "./schema.ts";
import { countAffirmed, nameWords, stem, wordsOf } from "./words.ts";

const CONFIDENCE = /confidence|certainty|probability|likelihood/i;
const SCORE = /score|quality|rating|grade/i;
const VERDICT = /approve|accept|publish|^(?:pass|passed|ok|valid|good|ready|sendable|is_ok)$/i;
const ANSWERED = /^(?:answered|found|resolved|has_answer|is_answered|solved)$/i;
const HANDOVER = /human|escalat|handover|hand_over|manual|follow_?up/i;
/** A draft is approved from this score on. */
const APPROVAL = 0.7;
const LOW_CONFIDENCE = 0.6;

/** 0.5 (two values equally good) to 0.99 (nothing speaks for another), from the first topic chosen, or the first choice. */
export function confidenceOf(filling: Filling): number {
  const choice = filling.choices.find(({ family }) => family === "topic") ?? filling.choices[0];
  if (choice !== undefined) return Math.round((0.5 + 0.49 * Math.min(1, choice.margin)) * 100) / 100;
  return filling.answer().found ? 0.75 : 0.5;
}

/** Shares (0..1) are stretched over the schema's range where it goes beyond 1, as in "0 to 100". */
function stretched(share: number, schema: Schema, isInteger: boolean): number {
  const high = Math.min(schema.maximum, schema.exclusiveMaximum);
  const low = Math.max(schema.minimum, schema.exclusiveMinimum);
  if (Number.isFinite(high) && high > 1)
    return (Number.isFinite(low) ? low : 0) + share * (high - (Number.isFinite(low) ? low : 0));
  return isInteger && !Number.isFinite(high) ? share * 100 : share;
}

/** Fills a number: confidence and scores are computed, others found by the words beside them, else the least allowed. */
export function fillNumber(filling: Filling, name: string, schema: Schema, isInteger: boolean): Filled {
  const { purpose, conversation } = filling;
  if (purpose === "output" && (CONFIDENCE.test(name) || SCORE.test(name))) {
    const share = SCORE.test(name) ? (filling.review()?.score ?? confidenceOf(filling)) : confidenceOf(filling);
    return { value: fitNumber(rounded(stretched(share, schema, isInteger)), schema, isInteger), found: true };
  }
  const field = findField(filling.fields, name)?.value;
  const given =
    typeof field === "number" ? field : typeof field === "string" && field.trim() !== "" ? Number(field) : Number.NaN;
  const anyOther = purpose === "arguments" && !/limit|top|max|count|page|offset|size/i.test(name);
  const value = Number.isFinite(given)
    ? given
    : findNumber(conversation.reading.searchable, name, schema.description, filling.counters.numbers, anyOther);
  if (value !== undefined && anyOther) filling.counters.numbers += 1;
  return { value: fitNumber(value ?? 0, schema, isInteger), found: value !== undefined };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Fills a boolean: verdicts from the review, handovers from priority and confidence, others by cue words. */
export function fillBoolean(filling: Filling, name: string, schema: Schema): Filled {
  const field = findField(filling.fields, name)?.value;
  if (typeof field === "boolean" && !VERDICT.test(name)) return { value: field, found: true };
  if (filling.purpose === "output") {
    const review = filling.review();
    if (review !== undefined && VERDICT.test(name)) return { value: review.score >= APPROVAL, found: true };
    if (VERDICT.test(name) || ANSWERED.test(name)) return { value: filling.answer().found, found: true };
    if (HANDOVER.test(name)) return { value: needsHuman(filling), found: true };
  }
  const cues = new Set(
    [...nameWords(name), ...wordsOf(schema.description)].filter((word) => word.length > 3).map(stem),
  );
  for (const word of ["is", "has", "true", "false", "whether", "when", "customer", "user", "this", "that"])
    cues.delete(stem(word));
  const isCued = [...cues].some((root) => countAffirmed(filling.conversation.bag, root) > 0);
  return { value: isCued, found: isCued };
}

function needsHuman(filling: Filling): boolean {
  const isUrgent = filling.choices.some(({ family, value }) => family === "priority" && /urgent|critical/i.test(value));
  const review = filling.review();
  if (review !== undefined && review.score < APPROVAL) return true;
  return (
    isUrgent ||
    filling.conversation.reading.hostile > 0 ||
    (filling.choices.length > 0 && confidenceOf(filling) < LOW_CONFIDENCE)
  );
}
