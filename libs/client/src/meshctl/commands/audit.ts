import { ListAuditReply, VerifyAuditReply } from "@agentmesh/proto/compliance";
import type { Args } from "../args.ts";
import type { Command, Shell } from "../command.ts";
import { count } from "../money.ts";
import type { Style } from "../output.ts";
import { firstRows, limitOf, limitOption } from "../pages.ts";
import { shortSubject } from "../subject.ts";
import { type Cell, printTable } from "../table.ts";
import { when } from "../time.ts";
import { UsageError } from "../usage-error.ts";

export const audit: Command = {
  usage: ["audit list [--subject S] [--action A] [--request ID]", "audit verify"],
  about:
    "`verify` recomputes the tree from its entries, holds it against every signed checkpoint, and answers 1 when it differs.",
  options: {
    subject: { value: "SUBJECT", about: "Only what this subject did" },
    action: { value: "ACTION", about: "Only this action" },
    request: { value: "ID", about: "Only what one request caused" },
    limit: limitOption,
  },
  words: { min: 1, max: 1 },
  examples: ["audit verify", "audit list --subject user:ada --limit 20"],
  async run(shell, args) {
    const [verb = ""] = args.words;
    if (verb === "list") return list(shell, args);
    if (verb === "verify") return verify(shell);
    throw new UsageError(`audit ${verb}: expected list or verify`);
  },
};

async function list({ out, session }: Shell, args: Args): Promise<number> {
  const filter = {
    subject: args.text("subject") ?? "",
    action: args.text("action") ?? "",
    requestId: args.text("request") ?? "",
  };
  const limit = limitOf(args);
  const { mesh } = await session();
  const entries = await firstRows(limit, async (page) => {
    const reply = await mesh.compliance.listAudit({ ...filter, ...page });
    return { rows: reply.entries, next: reply.nextPageToken };
  });
  const now = new Date();
  const rows = entries.map((entry) => [
    String(entry.seq),
    when(entry.at, now),
    outcomeCell(entry.outcome),
    entry.service,
    shortSubject([entry.subject, ...entry.actors].filter(Boolean).join(" → ")),
    shortAction(entry.action),
    entry.resource,
    entry.reason,
  ]);
  const headings = [">SEQ", "AT", "OUTCOME", "SERVICE", "WHO", "ACTION", "ON", "REASON"];
  out.answer(ListAuditReply.toJSON({ entries, nextPageToken: "" }), () =>
    printTable(out, headings, rows, "no entries"),
  );
  return 0;
}

function outcomeCell(outcome: string): Cell {
  const style: Style | undefined = outcome === "denied" || outcome === "failed" ? "red" : undefined;
  return style ? { text: outcome, style } : outcome;
}

/** `/agentmesh.runner.v1.AgentRunnerService/RunAgent` as `AgentRunner/RunAgent`. */
function shortAction(action: string): string {
  return action.replace(/^\/agentmesh\.[\w.]+\.(\w+?)(Service)?\//, "$1/");
}

async function verify({ out, session }: Shell): Promise<number> {
  const { mesh } = await session();
  const reply = await mesh.compliance.verifyAudit({});
  out.answer(VerifyAuditReply.toJSON(reply), () => {
    const verdict = reply.verified ? out.paint("green", "verified") : out.paint("red", "NOT VERIFIED");
    out.line(
      `${verdict}: ${count(reply.entries)} entries, ${count(reply.checkpoints)} checkpoints, root ${reply.rootHash}`,
    );
    for (const problem of reply.problems) out.line(`  ${out.paint("red", "!")} ${problem}`);
  });
  return reply.verified ? 0 : 1;
}
