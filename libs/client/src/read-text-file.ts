import { readFile } from "node:fs/promises";
import { AppError } from "@agentmesh/errors";

/** A file as text. @throws AppError INVALID_ARGUMENT (UNREADABLE) naming the file */
export async function readTextFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    // Node repeats the path behind the reason: `ENOENT: no such file or directory, open '/x'`.
    const why = (cause instanceof Error ? cause.message : String(cause)).replace(/, \w+( '.*')?$/s, "");
    throw new AppError("INVALID_ARGUMENT", `cannot read ${path}: ${why}`, { reason: "UNREADABLE", cause });
  }
}
