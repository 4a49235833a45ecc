import { UsageError } from "./usage-error.ts";

/** How commands that take a run explain it. */
export const runWords = { min: 1, max: 2 } as const;

/** `ID`, `run ID` and `run/ID` all name a run. @throws UsageError */
export function runOf(words: readonly string[]): string {
  const [first = "", second] = words;
  if (second === undefined) return first.replace(/^runs?\//, "");
  if (first === "run" || first === "runs") return second;
  throw new UsageError(`${JSON.stringify(second)} is one word too many: expected the id of one run`);
}

export type StepAddress = { readonly run: string; readonly node: string; readonly shard: number };

/** `RUN/STEP` or `RUN STEP`; `STEP#7` is the seventh item of a map. @throws UsageError */
export function stepOf(words: readonly string[]): StepAddress {
  const [run = "", step = "", ...more] = words
    .join("/")
    .replace(/^runs?\//, "")
    .split("/");
  const { node, shard } = nodeOf(step);
  if (run !== "" && node !== "" && more.length === 0) return { run, node, shard };
  throw new UsageError(`${JSON.stringify(words.join(" "))}: expected RUN/STEP, a run's id and a step's`);
}

/** `STEP` or `STEP#ITEM`. @throws UsageError */
export function nodeOf(step: string): { node: string; shard: number } {
  const [node = "", item] = step.split("#");
  if (item === undefined) return { node, shard: 0 };
  if (/^[1-9]\d{0,8}$/.test(item)) return { node, shard: Number(item) };
  throw new UsageError(`${step}: after the # comes the number of an item, for instance ${node}#1`);
}

/** A step as people write it: `charge`, `resize#7`. */
export function stepName(node: string, shard: number): string {
  return shard === 0 ? node : `${node}#${shard}`;
}
