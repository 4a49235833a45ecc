import { ListRejectionsReply } from "@agentmesh/proto/orchestrator";
import type { Command } from "../command.ts";
import { firstRows, limitOf, limitOption } from "../pages.ts";
import { printTable } from "../table.ts";
import { when } from "../time.ts";

export const rejections: Command = {
  usage: ["rejections [--limit N]"],
  about: "Events that came in and started nothing, newest first, and why.",
  options: { limit: limitOption },
  async run(shell, args) {
    const { out } = shell;
    const limit = limitOf(args);
    const { mesh } = await shell.session();
    const found = await firstRows(limit, async (page) => {
      const reply = await mesh.orchestrator.listRejections(page);
      return { rows: reply.rejections, next: reply.nextPageToken };
    });
    const now = new Date();
    const rows = found.map((one) => [
      when(one.at, now),
      { text: one.code, style: "red" as const },
      one.trigger,
      one.subject,
      one.eventId,
      one.message,
    ]);
    out.answer(ListRejectionsReply.toJSON({ rejections: found, nextPageToken: "" }), () =>
      printTable(out, ["AT", "CODE", "TRIGGER", "SUBJECT", "EVENT", "MESSAGE"], rows, "no event was rejected"),
    );
    return 0;
  },
};
