import { AppError } from "@agentmesh/errors";

/** How often the owner says that it lives and nothing changed; readers measure staleness against it. */
export const BEAT_MS = 2_000;
export const BEAT_KEY = "_beat";

/** A row as it stands in the bucket. */
export type StoredRow = { readonly version: number; readonly value: unknown };

/** @throws AppError INVALID_ARGUMENT or SyntaxError when it is not one */
export function readRow(text: string): StoredRow {
  const row: unknown = JSON.parse(text);
  if (row !== null && typeof row === "object" && "version" in row && typeof row.version === "number") {
    return { version: row.version, value: "value" in row ? row.value : undefined };
  }
  throw new AppError("INVALID_ARGUMENT", "a snapshot row is an object with a numeric version and a value");
}
