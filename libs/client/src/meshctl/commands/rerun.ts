import { Run } from "@agentmesh/proto/orchestrator";
import type { Command } from "../command.ts";
import { followRun } from "../follow-run.ts";
import { readObject } from "../read-input.ts";
import { runOf, runWords } from "../run-words.ts";

export const rerun: Command = {
  usage: ["rerun RUN [--input JSON] [--from STEP] [--current] [--watch]"],
  about: `Starts a new run like an earlier one, with the workflow's version of then. JSON may be @FILE or - for standard input.`,
  options: {
    input: { short: "i", value: "JSON", about: "Laid over the earlier input, member by member" },
    from: { value: "STEP", about: "Steps that do not stand behind this one keep their outputs" },
    current: { about: "With the workflow as it is now" },
    key: { value: "KEY", about: "Only once for the same key" },
    watch: { short: "w", about: "Follow the run to its end" },
  },
  words: runWords,
  examples: [
    `rerun 019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21 --input '{"amount":80}' --watch`,
    "rerun 019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21 --from review --current",
  ],
  async run(shell, args) {
    const { out, settings } = shell;
    const id = runOf(args.words);
    const json = args.text("input");
    const input = json === undefined ? undefined : await readObject(json, "--input", settings);
    const { mesh } = await shell.session();
    const run = await mesh.orchestrator.rerunRun({
      id,
      from: args.text("from") ?? "",
      currentVersion: args.flag("current"),
      dedupeKey: args.text("key") ?? "",
      ...(input && { input }),
    });
    if (args.flag("watch")) return followRun(shell, run.id);
    out.answer(Run.toJSON(run), () => {
      out.line(run.id);
      out.note(out.paint("dim", `like ${id}; follow it: ${settings.program} watch ${run.id}`));
    });
    return 0;
  },
};
