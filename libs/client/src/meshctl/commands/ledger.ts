import { ListLedgerReply } from "@agentmesh/proto/cost";
import type { Command } from "../command.ts";
import { count, usd } from "../money.ts";
import { firstRows, limitOf, limitOption } from "../pages.ts";
import { printTable } from "../table.ts";
import { when } from "../time.ts";

export const ledger: Command = {
  usage: ["ledger [--run RUN] [--limit N]"],
  options: { run: { value: "RUN", about: "Only what this run spent" }, limit: limitOption },
  async run(shell, args) {
    const { out } = shell;
    const limit = limitOf(args);
    const { mesh } = await shell.session();
    const found = await firstRows(limit, async (page) => {
      const reply = await mesh.cost.listLedger({ runId: args.text("run") ?? "", ...page });
      return { rows: reply.rows, next: reply.nextPageToken };
    });
    const now = new Date();
    const rows = found.map((row) => [
      when(row.at, now),
      row.charge?.agent ?? "",
      `${row.provider}/${row.model}`,
      count(row.uncachedInputTokens + row.cacheReadTokens + row.cacheWriteTokens),
      count(row.outputTokens + row.reasoningTokens),
      usd(row.costNanoUsd),
      row.cacheHit ? `saved ${usd(row.savedNanoUsd)}` : row.kind,
      row.charge?.department ?? "",
      row.attemptId,
    ]);
    const headings = ["AT", "AGENT", "MODEL", ">IN", ">OUT", ">COST", "KIND", "DEPARTMENT", "ATTEMPT"];
    out.answer(ListLedgerReply.toJSON({ rows: found, nextPageToken: "" }), () =>
      printTable(out, headings, rows, "the ledger is empty"),
    );
    return 0;
  },
};
