export const ops = ["above", "atLeast", "below", "atMost"] as const;

export type Op = (typeof ops)[number];

export function holds(op: Op, value: number, threshold: number): boolean {
  switch (op) {
    case "above":
      return value > threshold;
    case "atLeast":
      return value >= threshold;
    case "below":
      return value < threshold;
    case "atMost":
      return value <= threshold;
    default:
      return op satisfies never;
  }
}

/** A text for people: `above`, `at least`. */
export function inWords(op: Op): string {
  return op.replace(/[A-Z]/, (letter) => ` ${letter.toLowerCase()}`);
}
