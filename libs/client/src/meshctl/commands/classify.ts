import { ClassifyReply } from "@agentmesh/proto/compliance";
import type { Command } from "../command.ts";
import type { Style } from "../output.ts";
import { readText } from "../read-input.ts";
import { printFields, printTable } from "../table.ts";

const ACTIONS: Readonly<Record<string, Style>> = { block: "red", redact: "yellow" };

export const classify: Command = {
  usage: ["classify TEXT"],
  about: "TEXT may be @FILE or - for standard input.",
  words: { min: 1, max: 1 },
  examples: ["classify 'my card is 4111 1111 1111 1111'", "classify - < mail.txt"],
  async run(shell, { words: [argument = ""] }) {
    const { out, settings } = shell;
    const text = await readText(argument, settings);
    const { mesh } = await shell.session();
    const reply = await mesh.compliance.classify({ text });
    out.answer(ClassifyReply.toJSON(reply), () => {
      printFields(out, [
        ["class", { text: reply.classification, style: "bold" }],
        ["verdict", reply.blocked ? { text: "blocked", style: "red" } : { text: "may pass", style: "green" }],
        ["protect by", reply.protections.join(", ")],
        ["keep", reply.retentionDays > 0 ? `${reply.retentionDays} days` : ""],
      ]);
      out.line();
      const rows = reply.findings.map(({ kind, start, end, action }) => {
        const style = ACTIONS[action];
        return [kind, style ? { text: action, style } : action, `${start}–${end}`];
      });
      printTable(out, ["FOUND", "ACTION", "AT"], rows, "nothing sensitive was found");
      if (reply.findings.length > 0) out.line(`\n${reply.redacted.trimEnd()}`);
    });
    return 0;
  },
};
