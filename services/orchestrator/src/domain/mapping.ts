import { AppError } from "@agentmesh/errors";
import { lookUp, type Path, parsePath } from "./path.ts";

/** A mapping made ready: builds its value from a scope. */
export type Mapped = (scope: unknown) => unknown;

// What travels as google.protobuf.Value costs three messages a level, and decoders stop at a hundred.
const MAX_DEPTH = 24;

/**
 * Compiles a mapping: any JSON in which a text that starts with `$.` is a path into the scope; `$$.` stands for a text
 * that starts with `$.`; `{ "$first": [mapping, …] }` is the first that is not null. A path that leads nowhere gives null.
 *
 * @param onPath called with each path found, for checks
 * @throws AppError INVALID_ARGUMENT for a malformed path or a mapping nested too deeply
 */
export function compileMapping(mapping: unknown, onPath: (path: Path) => void = () => undefined, depth = 0): Mapped {
  if (depth > MAX_DEPTH) {
    throw new AppError("INVALID_ARGUMENT", `a mapping is nested deeper than ${MAX_DEPTH} levels; flatten it`, {
      reason: "TOO_DEEP",
    });
  }
  if (typeof mapping === "string") return compileText(mapping, onPath);
  if (mapping === null || typeof mapping !== "object") return () => mapping;
  if (Array.isArray(mapping)) {
    const items = mapping.map((item) => compileMapping(item, onPath, depth + 1));
    return (scope) => items.map((item) => item(scope));
  }
  const choices = choicesOf(mapping);
  if (choices) {
    const parts = choices.map((choice) => compileMapping(choice, onPath, depth + 1));
    return (scope) => firstOf(parts, scope);
  }
  const members = Object.entries(mapping).map(
    ([name, member]) => [name, compileMapping(member, onPath, depth + 1)] as const,
  );
  // fromEntries defines members, where an assignment to "__proto__" would set the prototype.
  return (scope) => Object.fromEntries(members.map(([name, member]) => [name, member(scope)]));
}

/** The alternatives of a `$first`; undefined for another object. */
export function choicesOf(mapping: object): readonly unknown[] | undefined {
  const [[name, choices] = [], ...others] = Object.entries(mapping);
  return name === "$first" && others.length === 0 && Array.isArray(choices) ? choices : undefined;
}

function firstOf(parts: readonly Mapped[], scope: unknown): unknown {
  for (const part of parts) {
    const value = part(scope);
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

function compileText(text: string, onPath: (path: Path) => void): Mapped {
  if (text.startsWith("$$.")) return () => text.slice(1);
  if (!text.startsWith("$.")) return () => text;
  const path = parsePath(text);
  onPath(path);
  return (scope) => lookUp(path, scope);
}

/** Whether a JSON value can travel: nested no deeper than decoders follow. */
export function isTooDeep(value: unknown, allowed: number = MAX_DEPTH): boolean {
  if (value === null || typeof value !== "object") return false;
  if (allowed === 0) return true;
  return Object.values(value).some((member) => isTooDeep(member, allowed - 1));
}
