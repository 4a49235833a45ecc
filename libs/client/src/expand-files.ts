import { glob } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { parseYaml } from "@agentmesh/config";
import { AppError, toAppError } from "@agentmesh/errors";
import { readTextFile } from "./read-text-file.ts";

/** What `{ $files: glob }` becomes, one a file. */
export type FileDocument = { readonly id: string; readonly title: string; readonly text: string };

const MAX_FILES = 1000;

/**
 * A value in which `{ $file: path }` is replaced by what the file holds (a value for .yaml, .yml and .json, else its
 * text) and `{ $files: glob }` by a list of documents, sorted by path. Paths are relative to `folder`.
 *
 * @throws AppError INVALID_ARGUMENT naming the path in the value and the file
 */
export async function expandFiles(value: unknown, folder: string, path = ""): Promise<unknown> {
  if (Array.isArray(value)) {
    return Promise.all(value.map((item, index) => expandFiles(item, folder, `${path}[${index}]`)));
  }
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value);
  const include = entries.find(([key]) => key === "$file" || key === "$files");
  if (include) return expandOne(include, entries.length, folder, path);
  const expanded = entries.map(async ([key, item]) => {
    return [key, await expandFiles(item, folder, path ? `${path}.${key}` : key)] as const;
  });
  return Object.fromEntries(await Promise.all(expanded));
}

async function expandOne([key, argument]: [string, unknown], keys: number, folder: string, path: string) {
  if (typeof argument !== "string" || keys !== 1) {
    throw bad(
      `${path}: ${key} stands alone and takes a text, as in { ${key}: ${key === "$file" ? "rows.yaml" : "kb/*.md"} }`,
    );
  }
  return key === "$file" ? readValue(resolve(folder, argument), path) : readDocuments(argument, folder, path);
}

async function readValue(file: string, path: string): Promise<unknown> {
  const text = await readText(file, path);
  if (![".yaml", ".yml", ".json"].includes(extname(file))) return text;
  const values = parseYaml(text, `${path}: ${file}`);
  if (values.length !== 1) throw bad(`${path}: $file ${file} holds ${values.length} documents; expected one`);
  return values[0];
}

async function readDocuments(pattern: string, folder: string, path: string): Promise<FileDocument[]> {
  const files: string[] = [];
  for await (const file of glob(pattern, { cwd: folder })) {
    files.push(file);
    if (files.length > MAX_FILES)
      throw bad(`${path}: $files ${pattern} matches more than ${MAX_FILES} files; narrow it`);
  }
  if (files.length === 0) throw bad(`${path}: $files ${pattern} matches nothing below ${resolve(folder)}`);
  const documents = await Promise.all(files.sort().map((file) => readDocument(resolve(folder, file), path)));
  const fileOf = new Map<string, string>();
  for (const [index, { id }] of documents.entries()) {
    const before = fileOf.get(id);
    if (before)
      throw bad(
        `${path}: $files ${pattern} gives two documents the id ${id}: ${before} and ${files[index]}; rename one`,
      );
    fileOf.set(id, files[index] ?? "");
  }
  return documents;
}

/** The id is the file's name without its extension, the title its first heading or else the id. */
async function readDocument(file: string, path: string): Promise<FileDocument> {
  const text = await readText(file, path);
  const id = basename(file, extname(file));
  return { id, title: /^#\s+(.+)$/m.exec(text)?.[1]?.trim() ?? id, text };
}

async function readText(file: string, path: string): Promise<string> {
  try {
    return await readTextFile(file);
  } catch (error) {
    throw toAppError(error, path);
  }
}

function bad(message: string): AppError {
  return new AppError("INVALID_ARGUMENT", message, { reason: "BAD_FILES" });
}
