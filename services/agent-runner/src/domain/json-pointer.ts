import { AppError } from "@agentmesh/errors";

type Members = Readonly<Record<string, unknown>>;

/**
 * A copy of an object with a value at a JSON pointer (RFC 6901); objects on the way there are made where they are missing.
 *
 * @throws AppError INVALID_ARGUMENT where something that is no object is in the way
 */
export function setAtPointer(target: unknown, pointer: string, value: unknown): Members {
  const names = pointer
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  return setAt(target, names, value, pointer);
}

function setAt(target: unknown, [name = "", ...rest]: readonly string[], value: unknown, pointer: string): Members {
  const members = target === undefined ? {} : target;
  if (!isMembers(members)) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `there is no place for the idempotency key at ${pointer}: no object is there`,
      {
        reason: "BAD_ARGUMENTS",
      },
    );
  }
  // A computed name defines a member, also where it is "__proto__".
  const old = Object.hasOwn(members, name) ? members[name] : undefined;
  return { ...members, [name]: rest.length === 0 ? value : setAt(old, rest, value, pointer) };
}

function isMembers(value: unknown): value is Members {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
