import { Resource } from "@agentmesh/proto/resource";
import { ownerOf } from "../owner-of.ts";
import type { Shell } from "./command.ts";
import { labelText } from "./commands/get.ts";
import { shortSubject } from "./subject.ts";
import { printFields, printTable } from "./table.ts";
import { when } from "./time.ts";
import { indent, yamlText } from "./yaml-text.ts";

/** How many versions are shown, the current one included. */
const MAX_VERSIONS = 5;

export async function describeResource(shell: Shell, kind: string, name: string): Promise<number> {
  const { out } = shell;
  const { mesh } = await shell.session();
  const owner = mesh[ownerOf(kind)];
  const current = await owner.getResource({ kind, name });
  const numbers = Array.from({ length: MAX_VERSIONS - 1 }, (_, index) => current.version - 1 - index);
  const earlier = await Promise.all(
    numbers
      .filter((version) => version > 0)
      .map((version) => owner.getResource({ kind, name, version }).catch(() => undefined)),
  );
  const versions = [current, ...earlier.filter((version) => version !== undefined)];
  const now = new Date();
  out.answer({ ...toObject(Resource.toJSON(current)), versions: versions.map(versionJson) }, () => {
    printFields(out, [
      ["kind", current.kind],
      ["name", { text: current.name, style: "bold" }],
      ["labels", labelText(current.labels)],
      ["tenant", current.tenant],
      ["hash", current.hash.slice(0, 16)],
    ]);
    out.line();
    const rows = versions.map((row) => [
      `v${row.version}`,
      when(row.appliedAt, now),
      shortSubject(row.appliedBy),
      row.hash.slice(0, 16),
    ]);
    printTable(out, [">VERSION", "APPLIED", "BY", "HASH"], rows, "");
    out.line(`\n${out.paint("dim", "spec")}`);
    out.line(indent(yamlText(current.spec ?? {})));
  });
  return 0;
}

function versionJson({ version, appliedAt, appliedBy, hash }: Resource) {
  return { version, appliedAt: appliedAt?.toISOString(), appliedBy, hash };
}

function toObject(json: unknown): object {
  return typeof json === "object" && json !== null ? json : {};
}
