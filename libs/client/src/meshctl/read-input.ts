import { extname, resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { readTextFile } from "../read-text-file.ts";
import type { Settings } from "./config.ts";
import { UsageError } from "./usage-error.ts";

/** An argument as it was meant: `-` is standard input, `@FILE` what the file holds, everything else itself. */
export async function readText(argument: string, settings: Settings): Promise<string> {
  if (argument === "-") return readAll(process.stdin);
  if (!argument.startsWith("@")) return argument;
  return readTextFile(resolve(settings.folder, argument.slice(1)));
}

/** Any JSON from an argument, `@FILE` (also YAML) or `-`. @throws UsageError */
export async function readValue(argument: string, what: string, settings: Settings): Promise<unknown> {
  return parse(await readText(argument, settings), argument, what);
}

/**
 * A JSON object from an argument, `@FILE` (also YAML) or `-`.
 *
 * @param what what it is, for the message: `--input`
 * @throws UsageError with the place of the mistake
 */
export async function readObject(argument: string, what: string, settings: Settings): Promise<Record<string, unknown>> {
  const text = await readText(argument, settings);
  const value = await parse(text, argument, what);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`${what}: expected a JSON object such as {"ticket_id": "T-1"}, got ${clip(text)}`);
  }
  return Object.fromEntries(Object.entries(value));
}

async function parse(text: string, argument: string, what: string): Promise<unknown> {
  try {
    if (argument.startsWith("@") && [".yaml", ".yml"].includes(extname(argument))) {
      const { parse: parseYaml } = await import("yaml");
      return parseYaml(text);
    }
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${what}: not valid JSON: ${why}; quote it for the shell, or use @FILE`);
  }
}

function clip(text: string): string {
  const flat = text.trim();
  return flat.length > 40 ? `${flat.slice(0, 39)}…` : JSON.stringify(flat);
}
