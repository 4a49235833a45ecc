import { kinds } from "../owner-of.ts";
import { didYouMean } from "./nearest.ts";
import { UsageError } from "./usage-error.ts";

/** The kind a person means: `Agent`, `agent`, `agents`, `price`, `data-policies`, `slatargets`. @throws UsageError */
export function kindOf(word: string): string {
  const wanted = singular(fold(word));
  const kind = kinds().find((candidate) => fold(candidate) === wanted);
  if (kind !== undefined) return kind;
  throw new UsageError(
    `there is no kind ${JSON.stringify(word)}; there are ${kinds().join(", ")}.${didYouMean(word, kinds())}`,
  );
}

function fold(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, "");
}

function singular(word: string): string {
  if (word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  return word.replace(/s$/, "");
}
