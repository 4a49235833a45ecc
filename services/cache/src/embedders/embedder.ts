/** Turns questions into vectors. Vectors of different names are never compared. */
export type Embedder = AsyncDisposable & {
  readonly name: string;
  readonly dimensions: number;
  /**
   * One vector of unit length a text, in their order.
   *
   * @throws AppError UNAVAILABLE or DEADLINE_EXCEEDED
   */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
};
