import { resolve } from "node:path";
import { type DeclaredResource, readResources } from "../read-resources.ts";
import type { Args } from "./args.ts";
import type { Settings } from "./config.ts";
import { UsageError } from "./usage-error.ts";

export const filesOption = {
  file: { short: "f", value: "FILE", multiple: true, about: "A YAML file of resources" },
} as const;

/** All resources of the files that `-f FILE…` names, `${NAME}` filled in from the environment. */
export async function readDeclared(settings: Settings, args: Args): Promise<DeclaredResource[]> {
  const files = args.texts("file");
  // A shell expands `-f *.yaml` to an option and words.
  if (files.length === 0) throw new UsageError("-f FILE is missing: which file of resources?");
  const resources: DeclaredResource[] = [];
  for (const file of [...files, ...args.words]) {
    const path = resolve(settings.folder, file);
    const shown = settings.folder === process.cwd() ? file : path;
    resources.push(...(await readResources(shown, settings.env)));
  }
  return resources;
}
