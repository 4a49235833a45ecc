import type { ModelReply, ModelRequest } from "../domain/model.ts";
import type { Abilities } from "./presets.ts";

export type CompleteOptions = {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Given: the answer is streamed, and this is called with each piece of its text. */
  readonly onText?: ((delta: string) => void) | undefined;
  /** Called once when the first piece of a streamed answer came, text or not: from then on it is paid for. */
  readonly onBegun?: (() => void) | undefined;
};

/** A family of models behind one wire. Failures are AppErrors that say whether another try may help. */
export type Provider = AsyncDisposable & {
  readonly name: string;
  complete(model: string, request: ModelRequest, options: CompleteOptions): Promise<ModelReply>;
  abilitiesOf(model: string): Abilities;
  /** Whether it can be reached; resolves when it answered anything but a failure of its own. @throws AppError */
  probe(signal: AbortSignal): Promise<void>;
};
