import type { CompiledSchema } from "./json-schema.ts";

export type Judgement =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly errors: readonly string[] };

// Models like to wrap JSON in a fence, whatever they are told.
const FENCE = /^```(?:json)?\s*\n([\s\S]*?)\n?```$/;

/** Whether a model's text is JSON that satisfies the schema. */
export function judgeOutput(schema: CompiledSchema, text: string): Judgement {
  const trimmed = text.trim();
  let output: unknown;
  try {
    output = JSON.parse(FENCE.exec(trimmed)?.[1] ?? trimmed);
  } catch (error) {
    return { ok: false, errors: [`invalid JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  const errors = schema.check(output);
  return errors.length === 0 ? { ok: true, output } : { ok: false, errors };
}

/** What the model is told when its output was refused. */
export function repairMessage(errors: readonly string[]): string {
  return `Your answer does not match the schema: ${errors.join("; ")}. Answer again with nothing but JSON that does match the schema.`;
}
