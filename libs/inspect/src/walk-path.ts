import { type Walk, walkValue } from "./walk.ts";

/**
 * Inspects what a path of the catalog's syntax leads to: `a.b`, `list[].c` (each item) and `oneof?case` (only when
 * that case is set; the field then is `{ $case, value }`). Objects on the way are copied only when something below
 * them changed. A path that leads nowhere inspects nothing: the field is not set.
 */
export function walkPath(walk: Walk, message: unknown, path: string): unknown {
  return follow(walk, message, path.split("."), 0, "");
}

function follow(walk: Walk, value: unknown, segments: readonly string[], index: number, at: string): unknown {
  const segment = segments[index];
  if (segment === undefined) return walkValue(walk, value, at);
  if (!isObject(value)) return value;
  const [field = "", wanted] = segment.replace("[]", "").split("?");
  const here = at === "" ? field : `${at}.${field}`;
  const held = value[field];
  if (wanted !== undefined) {
    if (!isObject(held) || held.$case !== wanted) return value;
    const redacted = follow(walk, held.value, segments, index + 1, `${here}.${wanted}`);
    return redacted === held.value ? value : { ...value, [field]: { ...held, value: redacted } };
  }
  const redacted =
    segment.endsWith("[]") && Array.isArray(held)
      ? followEach(walk, held, segments, index + 1, here)
      : follow(walk, held, segments, index + 1, here);
  return redacted === held ? value : { ...value, [field]: redacted };
}

function followEach(
  walk: Walk,
  list: readonly unknown[],
  segments: readonly string[],
  index: number,
  at: string,
): unknown {
  const redacted = list.map((item, position) => follow(walk, item, segments, index, `${at}[${position}]`));
  return redacted.some((item, position) => item !== list[position]) ? redacted : list;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
