/** An effect as a step asks for it; `mark` and `step` name it, whatever key it comes with. */
export type Effect = {
  /** Of the run. */
  readonly mark: string;
  readonly step: string;
  /** Of the item, in a map. */
  readonly index: number;
  /** The system that has it. */
  readonly system: string;
};

export type Applied = Effect & {
  readonly key: string;
  /** Counts over all systems: what happened before what. */
  readonly order: number;
};

/** What a real system would have in its books, and how often it was asked. */
export type EffectBook = {
  /** Applies an effect unless its key is known. @returns the entry, the one that was there where it is known */
  apply(effect: Effect, key: string): Applied;
  /** @returns how often this key was asked for, this time included */
  asked(effect: Effect, key: string): number;
  readonly calls: number;
  /** Of one run in the order in which they happened; default: of all. */
  applied(mark?: string): readonly Applied[];
  /** Effects that were applied more than once, under whatever keys. */
  doubles(): string[];
};

export function createEffectBook(): EffectBook {
  const byKey = new Map<string, Applied>();
  const byMark = new Map<string, Applied[]>();
  const asked = new Map<string, number>();
  let calls = 0;
  return {
    apply(effect, key) {
      const known = byKey.get(key);
      if (known) return known;
      const entry = { ...effect, key, order: byKey.size + 1 };
      byKey.set(key, entry);
      byMark.set(effect.mark, [...(byMark.get(effect.mark) ?? []), entry]);
      return entry;
    },
    asked(_, key) {
      calls += 1;
      const count = (asked.get(key) ?? 0) + 1;
      asked.set(key, count);
      return count;
    },
    get calls() {
      return calls;
    },
    applied: (mark) => (mark === undefined ? [...byKey.values()] : (byMark.get(mark) ?? [])),
    doubles() {
      const counts = new Map<string, number>();
      for (const entry of byKey.values()) counts.set(nameOf(entry), (counts.get(nameOf(entry)) ?? 0) + 1);
      return [...counts].filter(([, count]) => count > 1).map(([name, count]) => `${name}: ${count} times`);
    },
  };
}

function nameOf({ mark, step, index, system }: Effect): string {
  return `${system}/${mark}/${step}#${index}`;
}
