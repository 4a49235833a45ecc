export type DiffLine = { readonly sign: " " | "+" | "-"; readonly text: string };

/** Lines beyond which two texts are shown as wholly different: the table below grows with their product. */
const MAX_LINES = 2_000;

/** The shortest way from one text to another, as lines that stay, go and come. */
export function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  if (before.length > MAX_LINES || after.length > MAX_LINES) {
    return [
      ...before.map((text) => ({ sign: "-", text }) as const),
      ...after.map((text) => ({ sign: "+", text }) as const),
    ];
  }
  const common = commonTable(before, after);
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const [old, fresh] = [before[i], after[j]];
    if (old !== undefined && old === fresh) {
      lines.push({ sign: " ", text: old });
      i++;
      j++;
    } else if (
      old !== undefined &&
      (common[i + 1]?.[j] ?? 0) >= (fresh === undefined ? 0 : (common[i]?.[j + 1] ?? 0))
    ) {
      lines.push({ sign: "-", text: old });
      i++;
    } else {
      lines.push({ sign: "+", text: fresh ?? "" });
      j++;
    }
  }
  return lines;
}

/** Changed lines with `context` lines around them; `undefined` stands for what was left out. */
export function hunks(lines: readonly DiffLine[], context = 2): (DiffLine | undefined)[] {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some(({ sign }) => sign !== " "),
  );
  const shown: (DiffLine | undefined)[] = [];
  for (const [index, line] of lines.entries()) {
    if (near[index]) shown.push(line);
    else if (near[index - 1] && near.includes(true, index)) shown.push(undefined);
  }
  return shown;
}

/** `table[i][j]`: the length of the longest common subsequence of what follows i and j. */
function commonTable(before: readonly string[], after: readonly string[]): Uint16Array[] {
  const table = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    const [row, next] = [table[i], table[i + 1]];
    if (!row || !next) continue;
    for (let j = after.length - 1; j >= 0; j--) {
      row[j] = before[i] === after[j] ? (next[j + 1] ?? 0) + 1 : Math.max(next[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return table;
}
