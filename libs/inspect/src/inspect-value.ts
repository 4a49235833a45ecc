import type { Classification } from "./finding.ts";
import type { Policy } from "./policy.ts";
import { type PathFinding, type Walk, walkValue } from "./walk.ts";
import { pathsOf, walkPath } from "./walk-path.ts";

export type ValueInspection<T> = {
  /** The value with its strings redacted; the same object when nothing was. */
  readonly value: T;
  readonly findings: readonly PathFinding[];
  readonly classification: Classification;
  /** Whether the policy refuses the value, or it could not be inspected in full: see `problem`. */
  readonly blocked: boolean;
  /** Why the value could not be inspected in full. */
  readonly problem: string | undefined;
};

/**
 * Inspects every string of a JSON value, with the keys of objects and numbers long enough to be a card. A redacted
 * number becomes a string. What is nested deeper than 128 levels is cut off, and blocks the value.
 *
 * @param paths inspect only what these lead to, in the syntax of `inspectMessage`; default: all of the value
 */
export function inspectValue<T>(value: T, policy: Policy, paths?: readonly string[]): ValueInspection<T> {
  if (paths) return inspectMessage(value, paths, policy);
  const walk = startWalk(policy);
  return endWalk<T>(walk, walkValue(walk, value, ""));
}

/**
 * Inspects the fields of a message that the catalog names (`inspectRequest`, `inspectResponse`): `a.b`, `list[].c`,
 * and `oneof?case` for a member of a oneof. Fields that hold JSON (Struct, Value) are inspected in full.
 */
export function inspectMessage<T>(message: T, paths: readonly string[], policy: Policy): ValueInspection<T> {
  const walk = startWalk(policy);
  return endWalk<T>(
    walk,
    pathsOf(paths).reduce<unknown>((redacted, path) => walkPath(walk, redacted, path), message),
  );
}

function startWalk(policy: Policy): Walk {
  return { policy, findings: [], classification: "public", blocked: false, problem: undefined };
}

function endWalk<T>({ findings, classification, blocked, problem }: Walk, redacted: unknown): ValueInspection<T> {
  // Redaction keeps the shape of a value; only numbers inside free JSON may turn into strings.
  return { value: redacted as T, findings, classification, blocked, problem };
}
