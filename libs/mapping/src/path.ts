import { AppError } from "@agentmesh/errors";

/** The members to follow from the scope: `$.steps.review.output.items[0]` is steps, review, output, items, 0. */
export type Path = readonly string[];

const MEMBER = /\.([A-Za-z0-9_-]+)|\[(\d{1,6})\]/y;

/**
 * Reads `$.a.b[0]`.
 *
 * @throws AppError INVALID_ARGUMENT
 */
export function parsePath(text: string): Path {
  const members: string[] = [];
  let at = 1;
  while (text.startsWith("$.") && at < text.length) {
    MEMBER.lastIndex = at;
    const match = MEMBER.exec(text);
    if (!match) break;
    members.push(match[1] ?? match[2] ?? "");
    at = MEMBER.lastIndex;
  }
  if (members.length > 0 && at === text.length) return members;
  throw new AppError(
    "INVALID_ARGUMENT",
    `the path ${JSON.stringify(text.slice(0, 100))} is not of the form $.input.field or $.steps.<id>.output.items[0]; to mean the text itself, write $${text.slice(0, 20)}`,
    { reason: "BAD_PATH" },
  );
}

/** The value at a path; null where nothing is. Only an object's own members are seen. */
export function lookUp(path: Path, scope: unknown): unknown {
  let value = scope;
  for (const member of path) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, member)) return null;
    value = Reflect.get(value, member);
  }
  return value === undefined ? null : value;
}
