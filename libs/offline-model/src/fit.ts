import type { Schema } from "./schema.ts";
import { UnsupportedByOfflineModel } from "./unsupported.ts";

const MAX_PADDED_CHARS = 10_000;

function clipped(text: string, schema: Schema): string {
  const points = [...text];
  if (points.length <= schema.maxLength) return text;
  const hard = points.slice(0, schema.maxLength).join("");
  const sentence = Math.max(hard.lastIndexOf(". "), hard.lastIndexOf("! "), hard.lastIndexOf("? ")) + 1;
  const word = hard.lastIndexOf(" ");
  const cut = sentence > hard.length / 2 ? sentence : word > hard.length / 2 ? word : hard.length;
  const soft = hard.slice(0, cut).trim();
  return [...soft].length >= schema.minLength ? soft : hard;
}

/** A text within the schema's lengths (in code points): cut at a sentence or word, or filled up with dots. */
export function fitString(text: string, schema: Schema): string {
  const short = text.length <= schema.maxLength ? text : clipped(text, schema);
  if (short.length >= schema.minLength * 2) return short;
  const lacking = schema.minLength - [...short].length;
  if (lacking > MAX_PADDED_CHARS) throw new UnsupportedByOfflineModel(`schema minLength ${schema.minLength}`);
  return lacking > 0 ? short + ".".repeat(lacking) : short;
}

/** The number nearest to `value` the schema allows. */
export function fitNumber(value: number, schema: Schema, isInteger: boolean): number {
  const step = schema.multipleOf > 0 ? schema.multipleOf : isInteger ? 1 : 0;
  const low = Math.max(schema.minimum, schema.exclusiveMinimum);
  const high = Math.min(schema.maximum, schema.exclusiveMaximum);
  const opensLow = schema.exclusiveMinimum >= schema.minimum && Number.isFinite(schema.exclusiveMinimum);
  const opensHigh = schema.exclusiveMaximum <= schema.maximum && Number.isFinite(schema.exclusiveMaximum);
  const within = Math.min(high, Math.max(low, Number.isFinite(value) ? value : 0));
  if (step === 0) {
    const isAtEdge = (opensLow && within <= low) || (opensHigh && within >= high);
    if (!isAtEdge) return within;
    return Number.isFinite(low) && Number.isFinite(high) ? (low + high) / 2 : within <= low ? low + 1 : high - 1;
  }
  let fitted = Math.round(within / step) * step;
  if (fitted < low || (opensLow && fitted <= low)) fitted = (Math.floor(low / step) + 1) * step;
  if (fitted > high || (opensHigh && fitted >= high)) fitted = (Math.ceil(high / step) - 1) * step;
  return fitted === 0 ? 0 : fitted;
}
