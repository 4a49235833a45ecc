import type { ModelReply, ModelRequest } from "../domain/model.ts";

export type CompleteOptions = {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Given: the answer is streamed, and this is called with each piece of its text. */
  readonly onText?: ((delta: string) => void) | undefined;
};

/** A family of models behind one wire. Failures are AppErrors that say whether another try may help. */
export type Provider = AsyncDisposable & {
  readonly name: string;
  complete(model: string, request: ModelRequest, options: CompleteOptions): Promise<ModelReply>;
};
