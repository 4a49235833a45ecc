import { AppError } from "@agentmesh/errors";

/**
 * An argument as one segment of a path, encoded.
 *
 * @throws AppError INVALID_ARGUMENT where it is no scalar, or a segment that would climb out of the declared path
 */
export function encodePathArgument(name: string, value: unknown): string {
  const text = scalarText(value) ?? "";
  if (text === "" || text === "." || text === "..") throw cannotStand(name);
  return encodeURIComponent(text);
}

/** Adds an argument to a query; a list is repeated. @throws AppError INVALID_ARGUMENT where it is an object */
export function appendQueryArgument(query: URLSearchParams, name: string, value: unknown): void {
  for (const item of Array.isArray(value) ? value : [value]) {
    const text = scalarText(item);
    if (text === undefined) throw cannotStand(name);
    query.append(name, text);
  }
}

/** An argument as a header. @throws AppError INVALID_ARGUMENT where it is no scalar, or could end the header */
export function headerArgument(name: string, value: unknown): string {
  const text = scalarText(value);
  if (text === undefined || /[^\t\x20-\x7e]/.test(text)) throw cannotStand(name, "a header");
  return text;
}

function scalarText(value: unknown): string | undefined {
  const isScalar = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return isScalar ? String(value) : undefined;
}

function cannotStand(name: string, where = "a URL"): AppError {
  return new AppError("INVALID_ARGUMENT", `argument ${name} cannot stand in ${where}; give a text or a number`, {
    reason: "BAD_ARGUMENTS",
    field: name,
  });
}
