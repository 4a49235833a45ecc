import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { lookUp, type Path, parsePath } from "./path.ts";

/** One comparison. A missing value is null: it equals null, is in no range and does not exist. */
type Comparison = {
  readonly value: string;
  readonly equals?: unknown;
  readonly notEquals?: unknown;
  readonly in?: readonly unknown[] | undefined;
  readonly atLeast?: number | undefined;
  readonly below?: number | undefined;
  readonly exists?: boolean | undefined;
};

export type Condition =
  | Comparison
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

const OPERATORS = ["equals", "notEquals", "in", "atLeast", "below", "exists"] as const;
const MAX_PARTS = 50;

const comparison = z
  .strictObject({
    /** A path: `$.steps.classify.output.confidence`. */
    value: z.string(),
    equals: z.unknown().optional(),
    notEquals: z.unknown().optional(),
    in: z.array(z.unknown()).max(1000).optional(),
    atLeast: z.number().optional(),
    below: z.number().optional(),
    exists: z.boolean().optional(),
  })
  .refine((found) => OPERATORS.filter((name) => Object.hasOwn(found, name)).length === 1, {
    error: `a condition compares with exactly one of ${OPERATORS.join(", ")}; combine several under all or any`,
  });

/** `{ value, equals | notEquals | in | atLeast | below | exists }`, or `{ all }`, `{ any }`, `{ not }` of such. */
export const conditionSchema: z.ZodType<Condition> = z.lazy(() =>
  z.union([
    comparison,
    z.strictObject({ all: z.array(conditionSchema).min(1).max(MAX_PARTS) }),
    z.strictObject({ any: z.array(conditionSchema).min(1).max(MAX_PARTS) }),
    z.strictObject({ not: conditionSchema }),
  ]),
);

/** A condition made ready. */
export type Test = (scope: unknown) => boolean;

/** @throws AppError INVALID_ARGUMENT for a malformed path */
export function compileCondition(condition: Condition, onPath: (path: Path) => void = () => undefined): Test {
  if ("all" in condition) {
    const parts = condition.all.map((part) => compileCondition(part, onPath));
    return (scope) => parts.every((part) => part(scope));
  }
  if ("any" in condition) {
    const parts = condition.any.map((part) => compileCondition(part, onPath));
    return (scope) => parts.some((part) => part(scope));
  }
  if ("not" in condition) {
    const part = compileCondition(condition.not, onPath);
    return (scope) => !part(scope);
  }
  const path = parsePath(condition.value);
  onPath(path);
  return (scope) => compare(condition, lookUp(path, scope));
}

function compare(condition: Comparison, value: unknown): boolean {
  if (Object.hasOwn(condition, "equals")) return isDeepStrictEqual(value, condition.equals);
  if (Object.hasOwn(condition, "notEquals")) return !isDeepStrictEqual(value, condition.notEquals);
  if (condition.in) return condition.in.some((one) => isDeepStrictEqual(value, one));
  if (condition.atLeast !== undefined) return typeof value === "number" && value >= condition.atLeast;
  if (condition.below !== undefined) return typeof value === "number" && value < condition.below;
  return (value !== null) === condition.exists;
}
