import { readFileSync } from "node:fs";
import { accountOf, findNats, publishersSecret, readPublishers, writePublishersConf } from "@agentmesh/publishers";
import type { Output } from "./output.ts";
import { printTable } from "./table.ts";
import { when } from "./time.ts";
import { UsageError } from "./usage-error.ts";

/** A row for each credential, the newest last; what has none is shown too. */
export function listPublishers(out: Output, file: string): number {
  const publishers = readPublishers(file);
  const server = findNats(file)?.url;
  const now = new Date();
  const rows = publishers.flatMap((entry) => {
    const name = accountOf(entry);
    const types = entry.types.join(" ") || "every type";
    const keys = entry.keys.map(({ key, issued }) => [name, key, when(new Date(issued), now), types]);
    const password = entry.password === undefined ? [] : [[name, "password", "", types]];
    const none = [[name, { text: "revoked", style: "dim" as const }, "", types]];
    return keys.length + password.length === 0 ? none : [...password, ...keys];
  });
  const shown = publishers.map(({ password, ...entry }) => ({ ...entry, hasPassword: password !== undefined }));
  out.answer({ file, server: server ?? null, publishers: shown }, () => {
    printTable(out, ["PUBLISHER", "KEY", "ISSUED", "MAY PUBLISH"], rows, "no publishers");
    out.note(out.paint("dim", `${file}, ${server === undefined ? "which no server here reads" : `read by ${server}`}`));
  });
  return 0;
}

/** publishers.conf, written anew from publishers.yaml; or both as a Secret, on standard output. */
export function renderPublishers(out: Output, file: string, secret: string | undefined): number {
  const publishers = readPublishers(file);
  if (secret === undefined) {
    writePublishersConf(file, publishers);
    out.answer({ file, publishers: publishers.length }, () =>
      out.line(`publishers.conf beside ${file} is written; have nats-server reload it.`),
    );
    return 0;
  }
  const [namespace, name, ...more] = secret.split("/");
  if (!namespace || !name || more.length > 0) throw new UsageError(`--secret ${secret}: expected NAMESPACE/NAME`);
  out.line(publishersSecret(namespace, name, readFileSync(file, "utf8"), publishers).trimEnd());
  return 0;
}
