import { type AppError, toAppError } from "@agentmesh/errors";
import { applyResource, planApply } from "../../apply-file.ts";
import type { DeclaredResource } from "../../read-resources.ts";
import type { Command } from "../command.ts";
import { filesOption, readDeclared } from "../declared.ts";
import { exitCodes } from "../explain-error.ts";
import type { Output, Style } from "../output.ts";
import { duration } from "../time.ts";

type Outcome = "created" | "changed" | "unchanged" | "failed";
type Applied = { readonly outcome: Outcome; readonly version: number; readonly error?: AppError };

const STYLES: Readonly<Record<Outcome, Style>> = {
  created: "green",
  changed: "yellow",
  unchanged: "dim",
  failed: "red",
};

export const apply: Command = {
  usage: ["apply -f FILE…"],
  about: `Resources are applied in an order in which references resolve, across all files. \${NAME} and \${NAME:-default} in a
file are filled in from the environment. A resource that is refused does not keep the others back.`,
  options: { ...filesOption, "dry-run": { about: "Let the services check everything and change nothing" } },
  words: { min: 0, max: 100 },
  examples: ["apply -f examples/support/resources.yaml", "apply --dry-run -f agents.yaml -f budgets.yaml"],
  async run(shell, args) {
    const { out } = shell;
    const dryRun = args.flag("dry-run");
    const resources = planApply(await readDeclared(shell.settings, args));
    const { mesh } = await shell.session();
    const startedAtMs = performance.now();
    const width = Math.max(...resources.map(({ kind, name }) => `${kind}/${name}`.length));
    const done: (DeclaredResource & Applied)[] = [];
    for (const resource of resources) {
      shell.signal.throwIfAborted();
      const applied: Applied = await applyResource(mesh, resource, dryRun).catch(failed);
      done.push({ ...resource, ...applied });
      if (!out.json) printOne(out, resource, applied, width);
      // Every further one would fail the same way.
      if (applied.error && ["UNAUTHENTICATED", "UNAVAILABLE"].includes(applied.error.code)) throw applied.error;
    }
    out.answer({ dryRun, resources: done.map(toJson) }, () => {
      const spent = duration(performance.now() - startedAtMs);
      out.line(`\n${dryRun ? "would be: " : ""}${totals(done)} in ${spent}`);
    });
    const errors = done.flatMap(({ error }) => error ?? []);
    if (errors.length === 0) return exitCodes.ok;
    return errors.every(({ code }) => code === "PERMISSION_DENIED") ? exitCodes.denied : exitCodes.failure;
  },
};

function failed(error: unknown): Applied {
  return { outcome: "failed", version: 0, error: toAppError(error) };
}

function printOne(
  out: Output,
  { kind, name }: DeclaredResource,
  { outcome, version, error }: Applied,
  width: number,
): void {
  const label = out.paint(STYLES[outcome], outcome.padEnd("unchanged".length));
  out.line(`${`${kind}/${name}`.padEnd(width)}  ${label}  ${error ? "" : `v${version}`}`.trimEnd());
  if (error) out.line(`  ${error.message}`);
}

function totals(done: readonly Applied[]): string {
  const outcomes: readonly Outcome[] = ["created", "changed", "unchanged", "failed"];
  return outcomes
    .map((outcome) => [done.filter((one) => one.outcome === outcome).length, outcome] as const)
    .filter(([amount]) => amount > 0)
    .map(([amount, outcome]) => `${amount} ${outcome}`)
    .join(", ");
}

function toJson({ kind, name, outcome, version, error }: DeclaredResource & Applied) {
  return { kind, name, outcome, version, ...(error && { error: error.toWire() }) };
}
