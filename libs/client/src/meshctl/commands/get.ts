import { ListResourcesReply, Resource } from "@agentmesh/proto/resource";
import type { MeshClient } from "../../connect.ts";
import { kinds, ownerOf } from "../../owner-of.ts";
import type { Command } from "../command.ts";
import { kindOf } from "../kind-name.ts";
import type { Output } from "../output.ts";
import { firstRows } from "../pages.ts";
import { shortSubject } from "../subject.ts";
import { printTable } from "../table.ts";
import { when } from "../time.ts";
import { UsageError } from "../usage-error.ts";
import { yamlText } from "../yaml-text.ts";

const MAX_RESOURCES = 5_000;

export const get: Command = {
  usage: ["get KIND", "get KIND NAME", "get all"],
  about: `A kind may be written as people say it: agents, data-policy, slatargets. There are
${kinds().join(", ")}.
-o yaml prints what \`apply\` takes. NAME@2 is version 2, whatever came after it: applied again, it is the next version.`,
  options: { output: { short: "o", value: "yaml|json", about: "Print whole resources" } },
  words: { min: 1, max: 2 },
  examples: [
    "get agents",
    "get workflow triage -o yaml",
    "get agent drafter@2 -o yaml > drafter.yaml",
    "get all -o yaml > backup.yaml",
  ],
  async run(shell, args) {
    const { out } = shell;
    const [word = "", name] = args.words;
    const format = args.choice("output", ["yaml", "json"]) ?? (out.json ? "json" : "table");
    const { mesh } = await shell.session();
    const wanted = word === "all" ? kinds() : [kindOf(word)];
    const found = await read(mesh, wanted, name);
    if (format === "json") {
      const [only] = found;
      const json =
        name !== undefined && only
          ? Resource.toJSON(only)
          : ListResourcesReply.toJSON({ resources: found, nextPageToken: "" });
      out.line(JSON.stringify(json, undefined, 2));
    } else if (format === "yaml") out.line(found.map(toYaml).join("\n---\n"));
    else printResources(out, found, wanted);
    return 0;
  },
};

async function read(mesh: MeshClient, wanted: readonly string[], name: string | undefined): Promise<Resource[]> {
  const lists = wanted.map(async (kind) => {
    const owner = mesh[ownerOf(kind)];
    if (name !== undefined) return [await owner.getResource({ kind, ...versionOf(name) })];
    return firstRows(MAX_RESOURCES, async (page) => {
      const reply = await owner.listResources({ kind, ...page });
      return { rows: reply.resources, next: reply.nextPageToken };
    });
  });
  return (await Promise.all(lists)).flat();
}

/** `drafter@2`: version 2. Without one: the current, which the wire calls 0. */
function versionOf(text: string): { name: string; version: number } {
  const [name = "", version] = text.split("@");
  if (version === undefined) return { name, version: 0 };
  if (/^[1-9]\d{0,8}$/.test(version)) return { name, version: Number(version) };
  throw new UsageError(`${text}: after the @ comes the number of a version, for instance ${name}@1`);
}

function printResources(out: Output, found: readonly Resource[], wanted: readonly string[]): void {
  const now = new Date();
  const [only, ...others] = wanted;
  const several = others.length > 0;
  const headings = [...(several ? ["KIND"] : []), "NAME", ">VERSION", "APPLIED", "BY", "LABELS"];
  const rows = found.map((resource) => [
    ...(several ? [resource.kind] : []),
    resource.name,
    `v${resource.version}`,
    when(resource.appliedAt, now),
    shortSubject(resource.appliedBy),
    labelText(resource.labels),
  ]);
  printTable(out, headings, rows, several ? "no resources" : `no ${only}; declare one with: apply -f FILE`);
}

export function labelText(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

/** What `apply` takes. */
export function toYaml({ kind, name, labels, spec }: Resource): string {
  return yamlText({ kind, name, ...(Object.keys(labels).length > 0 && { labels }), spec });
}
