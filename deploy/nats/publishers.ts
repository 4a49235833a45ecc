import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** An account outside the mesh that may publish events, and nothing else. */
export type Publisher = { readonly tenant: string; readonly publisher: string };

const shippedFile = join(dirname(fileURLToPath(import.meta.url)), "publishers.yaml");
const token = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** Reads publishers.yaml; rejects what could not be one subject token. */
export function readPublishers(file: string = shippedFile): Publisher[] {
  const document: unknown = parse(readFileSync(file, "utf8"));
  const list = isRecord(document) ? document.publishers : undefined;
  if (!Array.isArray(list)) throw new Error(`${file}: expected a list under "publishers"`);
  return list.map((entry: unknown, index) => {
    const tenant = isRecord(entry) ? entry.tenant : undefined;
    const publisher = isRecord(entry) ? entry.publisher : undefined;
    return {
      tenant: subjectToken(tenant, `${file}: publishers[${index}].tenant`),
      publisher: subjectToken(publisher, `${file}: publishers[${index}].publisher`),
    };
  });
}

/** The name of a publisher's account, of its user, and of its password in the secrets. */
export function accountOf(publisher: Publisher): string {
  return `${publisher.tenant}.${publisher.publisher}`;
}

function subjectToken(value: unknown, where: string): string {
  if (typeof value === "string" && token.test(value)) return value;
  throw new Error(`${where} is ${JSON.stringify(value)}: expected lower-case letters, digits, - and _, at most 63`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
