import type { CompiledSchema } from "./json-schema.ts";
import type { ToolDeclaration } from "./model.ts";
import type { ToolEffect } from "./tool-spec.ts";

export type ToolArguments = Readonly<Record<string, unknown>>;

export type ToolCallContext = {
  readonly signal: AbortSignal;
  /** Stable over repeats of this very call; given to systems that take one. */
  readonly idempotencyKey: string;
};

/** One version of a tool, ready to be called. */
export type Tool = {
  readonly name: string;
  readonly version: number;
  readonly effect: ToolEffect;
  readonly declaration: ToolDeclaration;
  readonly parameters: CompiledSchema;
  /** @param args satisfy `parameters` */
  run(args: ToolArguments, context: ToolCallContext): unknown;
};

/** A call of a tool as it is kept with the run. */
export type ToolCallRecord = {
  readonly id: string;
  readonly tool: string;
  /** Undefined where the model wrote no JSON object. */
  readonly arguments: ToolArguments | undefined;
  /** What the model was handed back. */
  readonly result: string;
  readonly failed: boolean;
  readonly durationMs: number;
};
