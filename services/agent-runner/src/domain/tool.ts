import type { CompiledSchema } from "./json-schema.ts";
import type { ToolDeclaration } from "./model.ts";
import type { ToolEffect } from "./tool-spec.ts";

export type ToolArguments = Readonly<Record<string, unknown>>;

/** Whom a tool acts for, proven by a verified token. */
export type ToolCaller = {
  readonly tenant: string;
  readonly subject: string;
  readonly permissions: ReadonlySet<string>;
};

/** One call of a tool, from before an effect of it can leave until it is over. */
export type EffectUnderWay = Disposable & {
  /** As that of the call's context. */
  assertMayAct(): void;
};

export type ToolCallContext = {
  readonly signal: AbortSignal;
  /** Stable over repeats of this very call; given to systems that take one. */
  readonly idempotencyKey: string;
  readonly caller: ToolCaller;
  /** Of the workflow's step it belongs to. Default 1. */
  readonly attempt?: number;
  /**
   * Called when nothing can keep an effect back any more, and not for what only reads.
   *
   * @throws AppError when others may have the work by now: then nothing may leave
   */
  readonly assertMayAct?: (() => void) | undefined;
  /** Runs another agent for the same caller. @throws AppError AGENT_CYCLE, AGENT_DEPTH, or the failure of its run */
  callAgent(
    agent: string,
    args: ToolArguments,
    call: { signal: AbortSignal; idempotencyKey: string },
  ): Promise<unknown>;
};

/** One version of a tool, ready to be called. */
export type Tool = {
  readonly name: string;
  readonly version: number;
  readonly effect: ToolEffect;
  /** What the caller must hold; undefined or empty: nothing. */
  readonly permission?: string;
  /** Its answer is not the same for everybody or at all times, so what was made of it is not to be kept. */
  readonly isVolatile?: boolean;
  /** Whether it needs a verified caller: a workflow's step then gets a token first. */
  readonly needsCaller?: boolean;
  /** Whether an agent answers: what that one does is keyed by this call. */
  readonly isAgent?: boolean;
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
