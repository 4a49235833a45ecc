import { type Walk, walkValue } from "./walk.ts";

/** One step of a path: `list[]`, `oneof?case` or a field's name. */
type Step = { readonly field: string; readonly wanted: string | undefined; readonly isEach: boolean };

/** A path of the catalog's syntax, taken apart. */
export type Path = readonly Step[];

const taken = new WeakMap<readonly string[], readonly Path[]>();

/** Paths taken apart, once for each list: the catalog's live as long as the process. */
export function pathsOf(paths: readonly string[]): readonly Path[] {
  const known = taken.get(paths);
  if (known) return known;
  const made = paths.map((path) => path.split(".").map(stepOf));
  taken.set(paths, made);
  return made;
}

function stepOf(segment: string): Step {
  const [field = "", wanted] = segment.replace("[]", "").split("?");
  return { field, wanted, isEach: segment.endsWith("[]") };
}

/**
 * Inspects what a path of the catalog's syntax leads to: `a.b`, `list[].c` (each item) and `oneof?case` (only when
 * that case is set; the field then is `{ $case, value }`). Objects on the way are copied only when something below
 * them changed. A path that leads nowhere inspects nothing: the field is not set.
 */
export function walkPath(walk: Walk, message: unknown, path: Path): unknown {
  return follow(walk, message, path, 0, "");
}

function follow(walk: Walk, value: unknown, path: Path, index: number, at: string): unknown {
  const step = path[index];
  if (step === undefined) return walkValue(walk, value, at);
  if (!isObject(value)) return value;
  const { field, wanted, isEach } = step;
  const here = at === "" ? field : `${at}.${field}`;
  const held = value[field];
  if (wanted !== undefined) {
    if (!isObject(held) || held.$case !== wanted) return value;
    const redacted = follow(walk, held.value, path, index + 1, `${here}.${wanted}`);
    return redacted === held.value ? value : { ...value, [field]: { ...held, value: redacted } };
  }
  const redacted =
    isEach && Array.isArray(held)
      ? followEach(walk, held, path, index + 1, here)
      : follow(walk, held, path, index + 1, here);
  return redacted === held ? value : { ...value, [field]: redacted };
}

function followEach(walk: Walk, list: readonly unknown[], path: Path, index: number, at: string): unknown {
  const redacted = list.map((item, position) => follow(walk, item, path, index, `${at}[${position}]`));
  return redacted.some((item, position) => item !== list[position]) ? redacted : list;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
