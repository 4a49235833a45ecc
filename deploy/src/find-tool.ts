import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The first executable of that name in a PATH-like list; undefined when there is none. */
export function findTool(name: string, searchPath: string): string | undefined {
  return searchPath
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
