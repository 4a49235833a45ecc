import { glob, readFile } from "node:fs/promises";
import { basename, dirname, extname, relative, resolve } from "node:path";
import { interpolate, parseYaml, validate } from "@agentmesh/config";
import { AppError } from "@agentmesh/errors";
import { z } from "zod";

/** One document of a resource file. */
export type DeclaredResource = {
  readonly kind: string;
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly spec: Record<string, unknown>;
};

const declared = z.strictObject({
  kind: z.string().min(1),
  name: z.string().min(1),
  labels: z.record(z.string(), z.string()).default({}),
  spec: z.record(z.string(), z.unknown()).default({}),
});

const MAX_FILES = 1000;

/**
 * The resources of a YAML file: documents separated by `---`, `${NAME}` filled in from `env`, `{ $files: glob }` replaced
 * by a list of { id, title, text } and `{ $file: path }` by what the file holds. Paths start at the file's own folder.
 *
 * @throws AppError INVALID_ARGUMENT naming file, document and path
 */
export async function readResources(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<DeclaredResource[]> {
  const text = await readText(path, path);
  const documents = parseYaml(text, path);
  const resources: DeclaredResource[] = [];
  for (const [index, document] of documents.entries()) {
    const where = `${path} document ${index + 1}`;
    const filled = named(where, () => interpolate(document, env));
    resources.push(validate(declared, await include(filled, dirname(path), where), where));
  }
  return resources;
}

function named<T>(where: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, `${where}: ${error.message}`, {
      ...(error.reason && { reason: error.reason }),
      ...(error.field && { field: error.field }),
      cause: error,
    });
  }
}

async function include(value: unknown, folder: string, where: string): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => include(item, folder, where)));
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value);
  const [[key, argument] = []] = entries;
  if (entries.length === 1 && typeof argument === "string") {
    if (key === "$file") return includeFile(resolve(folder, argument), where);
    if (key === "$files") return includeFiles(argument, folder, where);
  }
  const included = await Promise.all(entries.map(async ([name, item]) => [name, await include(item, folder, where)]));
  return Object.fromEntries(included);
}

async function includeFile(path: string, where: string): Promise<unknown> {
  const text = await readText(path, where);
  if (![".yaml", ".yml", ".json"].includes(extname(path))) return text;
  return parseYaml(text, path)[0];
}

async function includeFiles(
  pattern: string,
  folder: string,
  where: string,
): Promise<{ id: string; title: string; text: string }[]> {
  const paths: string[] = [];
  for await (const path of glob(pattern, { cwd: folder })) paths.push(path);
  if (paths.length === 0 || paths.length > MAX_FILES) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${where}: $files ${JSON.stringify(pattern)} matches ${paths.length} files below ${relative(process.cwd(), folder) || "."}, expected 1 to ${MAX_FILES}`,
      { reason: "BAD_FILES" },
    );
  }
  return Promise.all(
    paths.sort().map(async (path) => {
      const text = await readText(resolve(folder, path), where);
      const id = basename(path, extname(path));
      return { id, title: /^#\s+(.+)$/m.exec(text)?.[1]?.trim() ?? id, text };
    }),
  );
}

async function readText(path: string, where: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${where}: cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`,
      {
        reason: "UNREADABLE",
        cause,
      },
    );
  }
}
