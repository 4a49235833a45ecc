export type KeyTimes = { readonly kid: string; readonly createdAtMs: number; readonly activeFromMs: number };

export type KeyPolicy = {
  readonly rotateAfterMs: number;
  /** Between publishing a key and signing with it, so that every verifier has seen it. */
  readonly activateAfterMs: number;
  /** Between the last token a key signed and its end. */
  readonly keepAfterMs: number;
};

export type KeyPlan = { readonly createActiveFromMs: number | undefined; readonly retire: readonly string[] };

/** The key that signs: the youngest that is active. */
export function signingKeyOf<K extends { readonly activeFromMs: number }>(
  keys: readonly K[],
  nowMs: number,
): K | undefined {
  let chosen: K | undefined;
  for (const key of keys) {
    if (key.activeFromMs <= nowMs && key.activeFromMs >= (chosen?.activeFromMs ?? 0)) chosen = key;
  }
  return chosen;
}

/** What is to be done about the keys now. A key is retired once its successor has signed for longer than tokens live. */
export function planKeys(keys: readonly KeyTimes[], nowMs: number, policy: KeyPolicy): KeyPlan {
  const byAge = keys.toSorted((a, b) => a.activeFromMs - b.activeFromMs);
  const youngest = byAge.at(-1);
  const retire = byAge
    .filter((_, index) => (byAge[index + 1]?.activeFromMs ?? Number.POSITIVE_INFINITY) + policy.keepAfterMs <= nowMs)
    .map((key) => key.kid);
  if (!youngest) return { createActiveFromMs: nowMs, retire };
  const due = youngest.createdAtMs + policy.rotateAfterMs <= nowMs;
  return { createActiveFromMs: due ? nowMs + policy.activateAfterMs : undefined, retire };
}
