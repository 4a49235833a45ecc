import { isAppError } from "@agentmesh/errors";
import type { Resource } from "@agentmesh/proto/resource";
import { planApply } from "../../apply-file.ts";
import type { MeshClient } from "../../connect.ts";
import { ownerOf } from "../../owner-of.ts";
import type { DeclaredResource } from "../../read-resources.ts";
import type { Command } from "../command.ts";
import { filesOption, readDeclared } from "../declared.ts";
import { type DiffLine, diffLines, hunks } from "../line-diff.ts";
import type { Output } from "../output.ts";
import { yamlText } from "../yaml-text.ts";

type Difference = {
  readonly kind: string;
  readonly name: string;
  /** 0: there is none yet. */
  readonly version: number;
  readonly lines: readonly DiffLine[];
};

export const diff: Command = {
  usage: ["diff -f FILE… [--exit-code]"],
  options: { ...filesOption, "exit-code": { about: "Answer 1 when there is a difference" } },
  words: { min: 0, max: 100 },
  examples: ["diff -f examples/support/resources.yaml"],
  async run(shell, args) {
    const { out } = shell;
    const resources = planApply(await readDeclared(shell.settings, args));
    const { mesh } = await shell.session();
    const differences: Difference[] = [];
    for (const resource of resources) {
      shell.signal.throwIfAborted();
      const difference = compare(resource, await current(mesh, resource));
      if (difference.version === 0 || difference.lines.some(({ sign }) => sign !== " ")) differences.push(difference);
    }
    out.answer(differences.map(toJson), () => {
      for (const difference of differences) printDifference(out, difference);
      const same = resources.length - differences.length;
      const changed = differences.filter(({ version }) => version > 0).length;
      out.line(`${differences.length - changed} new, ${changed} changed, ${same} the same`);
    });
    return args.flag("exit-code") && differences.length > 0 ? 1 : 0;
  },
};

async function current(mesh: MeshClient, { kind, name }: DeclaredResource): Promise<Resource | undefined> {
  try {
    return await mesh[ownerOf(kind)].getResource({ kind, name });
  } catch (error) {
    if (isAppError(error) && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}

function compare({ kind, name, labels, spec }: DeclaredResource, before: Resource | undefined): Difference {
  const old = before ? linesOf(before.labels, before.spec ?? {}) : [];
  return { kind, name, version: before?.version ?? 0, lines: diffLines(old, linesOf(labels, spec)) };
}

/** Sorted, because a stored map has no order of its own. */
function linesOf(labels: Record<string, string>, spec: Record<string, unknown>): string[] {
  return yamlText({ ...(Object.keys(labels).length > 0 && { labels }), spec }, { sorted: true }).split("\n");
}

function printDifference(out: Output, { kind, name, version, lines }: Difference): void {
  const title = out.paint("bold", `${kind}/${name}`);
  if (version === 0) {
    out.line(`${title}  ${out.paint("green", "new")}\n`);
    return;
  }
  out.line(`${title}  v${version} → v${version + 1}`);
  for (const line of hunks(lines)) {
    if (!line) out.line(out.paint("dim", "    …"));
    else if (line.sign === " ") out.line(`    ${line.text}`);
    else out.line(out.paint(line.sign === "+" ? "green" : "red", `  ${line.sign} ${line.text}`));
  }
  out.line();
}

function toJson({ kind, name, version, lines }: Difference) {
  const texts = (sign: DiffLine["sign"]) => lines.filter((line) => line.sign === sign).map((line) => line.text);
  return { kind, name, version, added: texts("+"), removed: texts("-") };
}
