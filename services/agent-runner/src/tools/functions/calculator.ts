import { z } from "zod";
import { evaluateArithmetic } from "./arithmetic.ts";
import { defineFunction } from "./define-function.ts";

/** Arithmetic, exact to what a double holds. */
export const calculator = defineFunction({
  name: "calculator",
  parameters: z.strictObject({
    expression: z
      .string()
      .min(1)
      .max(1_000)
      .describe("Arithmetic with + - * / % ^ and parentheses; sqrt, abs, round, floor, ceil, ln, log, min, max; pi, e"),
  }),
  run: ({ expression }) => ({ expression, result: evaluateArithmetic(expression) }),
});
