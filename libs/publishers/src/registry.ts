// publishers.yaml, and beside it the publishers.conf that nats-server includes.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { publishersConf } from "./names.ts";
import { accountOf, type Publisher, parsePublishers } from "./publisher.ts";
import { renderPublishers } from "./render-publishers.ts";

const heading = `# Who publishes events from outside the mesh, with public keys. \`meshctl publisher\` writes it and the publishers.conf beside
# it, which nats-server includes. Whoever may write these files, or where the server reads them, decides who publishes.
`;

/** None when there is no such file. @throws AppError FAILED_PRECONDITION (BAD_PUBLISHERS) */
export function readPublishers(file: string): Publisher[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  return parsePublishers(text, file);
}

/** The server's file first: what stands in publishers.yaml is never more than what is enforced. */
export function writePublishers(file: string, publishers: readonly Publisher[]): void {
  writePublishersConf(file, publishers);
  const entries = publishers.map(({ tenant, publisher, types, keys, password }) => {
    return { tenant, publisher, types, keys, ...(password !== undefined && { password }) };
  });
  const text = `${heading}${stringify({ publishers: entries }, { lineWidth: 0 })}`;
  // Whatever the next reader would not take must not be written.
  parsePublishers(text, file);
  writeWhole(file, text);
}

/** Only publishers.conf, for a publishers.yaml that was edited or came with a checkout. */
export function writePublishersConf(file: string, publishers: readonly Publisher[]): void {
  writeWhole(join(dirname(file), publishersConf), renderPublishers(publishers));
}

/**
 * The publishers of a mesh that keeps them in `file`: what is shipped is added where it is missing, with the password it
 * has had. What was revoked stays revoked, because a revoked publisher is still in the file.
 *
 * @param shipped what a mesh begins with
 * @param passwords by account
 */
export function openRegistry(
  file: string,
  shipped: readonly Publisher[],
  passwords: Readonly<Record<string, string>>,
): Publisher[] {
  const before = readPublishers(file);
  const known = new Set(before.map(accountOf));
  const added = shipped
    .filter((entry) => !known.has(accountOf(entry)))
    .map((entry) => withPassword(entry, passwords[accountOf(entry)]));
  const publishers = [...before, ...added];
  writePublishers(file, publishers);
  return publishers;
}

function withPassword(entry: Publisher, password: string | undefined): Publisher {
  return entry.keys.length > 0 || password === undefined ? entry : { ...entry, password };
}

/** A reader never sees half a file. */
function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
}
