import { dirname } from "node:path";
import { interpolate, parseYaml, validate } from "@agentmesh/config";
import { AppError, toAppError } from "@agentmesh/errors";
import { z } from "zod";
import { expandFiles } from "./expand-files.ts";
import { readTextFile } from "./read-text-file.ts";

/** One document of a resource file. */
export type DeclaredResource = {
  readonly kind: string;
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly spec: Record<string, unknown>;
  /** Where it stands, for messages: `support.yaml document 3 (Agent/drafter)`. */
  readonly where: string;
};

const declared = z.strictObject({
  kind: z.string().min(1),
  name: z.string().min(1),
  labels: z.record(z.string(), z.string()).default({}),
  spec: z.record(z.string(), z.unknown()).default({}),
});

/**
 * The resources of a YAML file: documents separated by `---`, `${NAME}` filled in from `env`, `{ $files: glob }` replaced
 * by a list of { id, title, text } and `{ $file: path }` by what the file holds. Paths start at the file's own folder; what
 * is read from files is taken as it is, with no `${NAME}` filled in.
 *
 * @throws AppError INVALID_ARGUMENT naming file, document and path
 */
export async function readResources(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<DeclaredResource[]> {
  const documents = parseYaml(await readTextFile(path), path);
  if (documents.length === 0) {
    throw new AppError("INVALID_ARGUMENT", `${path}: holds no resource; expected documents with kind, name and spec`, {
      reason: "EMPTY",
    });
  }
  const resources: DeclaredResource[] = [];
  for (const [index, document] of documents.entries()) {
    const where = `${path} document ${index + 1}${titleOf(document)}`;
    try {
      const filled = await expandFiles(interpolate(document, env), dirname(path));
      resources.push({ ...validate(declared, filled, "the resource"), where });
    } catch (error) {
      throw toAppError(error, where);
    }
  }
  return resources;
}

function titleOf(document: unknown): string {
  if (document === null || typeof document !== "object") return "";
  const { kind, name }: { kind?: unknown; name?: unknown } = document;
  return typeof kind === "string" && typeof name === "string" ? ` (${kind}/${name})` : "";
}
