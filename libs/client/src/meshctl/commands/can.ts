import { type AccessRule, CheckAccessReply } from "@agentmesh/proto/auth";
import type { Args } from "../args.ts";
import type { Command } from "../command.ts";
import type { Output } from "../output.ts";
import { type Cell, printTable } from "../table.ts";
import { UsageError } from "../usage-error.ts";

export const can: Command = {
  usage: ["can PERMISSION [on RESOURCE] [--user USER] [--at TIME] [--from ADDRESS] [--environment NAME]"],
  about: `Says whether it would be allowed, and which role, rule and constraint decide; nothing is done. Exit code 0: allowed; 1: not.
RESOURCE is a kind and a name, agent/classifier, or a prefix, agent/support-*; without one: everywhere. You may ask about
yourself; about others, who holds system:admin.`,
  options: {
    user: { short: "u", value: "USER", about: "Who; default you, with the credential in use" },
    at: { value: "TIME", about: "When, 2026-11-21T03:00Z or with an offset, +01:00; default now" },
    from: { value: "ADDRESS", about: "From which address; default yours, and unknown for others" },
    environment: { value: "NAME", about: "Where; default the mesh's" },
    "second-factor": { about: "As if a second factor had just been given" },
  },
  words: { min: 1, max: 3 },
  examples: [
    "can agent:execute on agent/support-mail",
    "can agent:execute on workflow/triage --user ada --at 2026-11-21T03:00Z --from 10.1.2.3 --environment production",
  ],
  async run(shell, args) {
    const { out } = shell;
    const [permission = "", ...rest] = args.words;
    const resource = resourceOf(rest);
    const at = timeOf(args);
    const { mesh } = await shell.session();
    const reply = await mesh.auth.checkAccess({
      subject: args.text("user") ?? "",
      permission,
      resource,
      at,
      remoteAddress: args.text("from") ?? "",
      environment: args.text("environment") ?? "",
      secondFactor: args.flag("second-factor"),
    });
    out.answer(CheckAccessReply.toJSON(reply), () => show(out, reply, askedOf(permission, resource)));
    return reply.allowed ? 0 : 1;
  },
};

function resourceOf(words: readonly string[]): string {
  const [first = "", second] = words;
  if (second === undefined && first !== "on") return first;
  if (first === "on" && second !== undefined) return second;
  throw new UsageError(`expected PERMISSION on RESOURCE, for instance: can agent:execute on agent/classifier`);
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/;

function timeOf(args: Args): Date | undefined {
  const text = args.text("at");
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (TIME.test(text) && !Number.isNaN(at.getTime())) return at;
  throw new UsageError(
    `--at ${text}: expected a time with its zone, for instance 2026-11-21T03:00Z or 2026-11-21T04:00+01:00`,
  );
}

function askedOf(permission: string, resource: string): string {
  return resource === "" ? permission : `${permission} on ${resource}`;
}

function show(out: Output, reply: CheckAccessReply, asked: string): void {
  const { allowed, username, subject, rules, reason } = reply;
  const who = out.paint("bold", username || subject);
  out.line(
    `${allowed ? out.paint("green", "yes") : out.paint("red", "no ")}  ${who} may ${allowed ? "" : "not "}${asked}`,
  );
  if (allowed || rules.length === 0) out.line(`     ${reason}`);
  out.line(out.paint("dim", `     asked for ${circumstances(reply)}`));
  if (allowed || rules.length === 0) return;
  out.line();
  printTable(out, ["ROLE", "GRANTS", "BUT"], rules.map(rowOf), "");
  if (rules.some(({ constraint }) => constraint === "secondFactor")) {
    out.note("\nA second factor is given with: meshctl mfa step-up");
  }
}

/** `Sat 2026-11-21 03:00 UTC, from 10.1.2.3, in production`. */
function circumstances({ at = new Date(0), remoteAddress, environment }: CheckAccessReply): string {
  const day = at.toUTCString().slice(0, 3);
  const time = `${day} ${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return `${time}, from ${remoteAddress || "an unknown address"}, in ${environment}`;
}

function rowOf({ path, scope, constraint, obstacle }: AccessRule): Cell[] {
  return [path.join(" → "), scope, constraint === "resource" ? { text: obstacle, style: "dim" } : obstacle];
}
