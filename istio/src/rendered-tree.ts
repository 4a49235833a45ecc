// A folder of generated files that is committed: written by a renderer, compared by its `--check`.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

function filesUnder(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

/** Replaces the folder by `files` (path under it → text). */
export function writeTree(root: string, files: ReadonlyMap<string, string>): void {
  rmSync(root, { recursive: true, force: true });
  for (const [path, text] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** Compares the folder with `files` byte for byte; returns one line for each missing, stray or different file. */
export function differences(root: string, files: ReadonlyMap<string, string>): string[] {
  const present = new Set(filesUnder(root));
  const wanted = [...files].flatMap(([path, text]) => {
    if (!present.has(path)) return [`${path}: missing`];
    return readFileSync(join(root, path), "utf8") === text ? [] : [`${path}: differs`];
  });
  const stray = [...present].filter((path) => !files.has(path)).map((path) => `${path}: no longer generated`);
  return [...wanted, ...stray].sort();
}
