/** One question with its answer. */
export type Exchange = { readonly turn: number; readonly input: string; readonly answer: string };

/**
 * Splits turns into those that are to be summarised and those that stay. Nothing is folded within the bounds; beyond
 * them half of each bound stays free, so that not every turn folds again.
 */
export function foldTurns<T extends Exchange>(
  turns: readonly T[],
  bounds: { readonly maxTurns: number; readonly maxBytes: number },
): { folded: readonly T[]; kept: readonly T[] } {
  const bytes = turns.reduce((sum, turn) => sum + bytesOf(turn), 0);
  if (turns.length <= bounds.maxTurns && bytes <= bounds.maxBytes) return { folded: [], kept: turns };
  let count = 0;
  let keptBytes = 0;
  for (const turn of [...turns].reverse()) {
    keptBytes += bytesOf(turn);
    if (count + 1 > bounds.maxTurns / 2 || keptBytes > bounds.maxBytes / 2) break;
    count += 1;
  }
  const at = turns.length - count;
  return { folded: turns.slice(0, at), kept: turns.slice(at) };
}

function bytesOf({ input, answer }: Exchange): number {
  return Buffer.byteLength(input) + Buffer.byteLength(answer);
}

const MAX_LINE_CHARS = 200;

/** What a model is given to summarise; also the summary itself where none can be had. */
export function linesOf(turns: readonly Exchange[]): string {
  return turns.map(({ input, answer }) => `User: ${clip(input)}\nAgent: ${clip(answer)}`).join("\n");
}

function clip(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS - 1)}…` : line;
}
