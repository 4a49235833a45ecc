/** Why two questions are alike or not. */
export type Kind =
  | "paraphrase"
  | "reversal"
  | "number"
  | "unit"
  | "entity"
  | "identifier"
  | "negation"
  | "opposite"
  | "restriction"
  | "kind of question"
  | "time and person"
  | "trap"
  | "unseen"
  | "long: paraphrase"
  | "long: number"
  | "long: name"
  | "long: negation"
  | "long: reversal";

/** Two questions, and whether an answer to the first answers the second. */
export type Pair = { readonly kind: Kind; readonly a: string; readonly b: string; readonly same: boolean };

/** Both directions of a swap: `$1` and `$2` in the template trade places. */
export function swapped(
  kind: Kind,
  templates: readonly string[],
  fillers: readonly (readonly [string, string])[],
): Pair[] {
  return templates.flatMap((template) =>
    fillers.map(([x, y]) => ({ kind, a: fill(template, x, y), b: fill(template, y, x), same: false })),
  );
}

/** The template with the one and with the other filler. */
export function replaced(kind: Kind, template: string, fillers: readonly (readonly [string, string])[]): Pair[] {
  return fillers.map(([x, y]) => ({ kind, a: fill(template, x, ""), b: fill(template, y, ""), same: false }));
}

export function different(kind: Kind, pairs: readonly (readonly [string, string])[]): Pair[] {
  return pairs.map(([a, b]) => ({ kind, a, b, same: false }));
}

function fill(template: string, x: string, y: string): string {
  return template.replaceAll("$1", x).replaceAll("$2", y);
}
