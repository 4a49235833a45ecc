import type { Payer } from "../domain/payer.ts";

/** Turns questions into vectors. Vectors of different names are never compared. */
export type Embedder = AsyncDisposable & {
  readonly name: string;
  readonly dimensions: number;
  /**
   * One vector of unit length a text, in their order.
   *
   * @param payer whom it is charged to, where it costs anything
   * @throws AppError UNAVAILABLE or DEADLINE_EXCEEDED; where it costs money also RESOURCE_EXHAUSTED (BUDGET_EXHAUSTED)
   *   and what else cost refuses a hold with
   */
  embed(texts: readonly string[], payer: Payer): Promise<Float32Array[]>;
};
