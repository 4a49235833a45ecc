import { Run } from "@agentmesh/proto/orchestrator";
import type { Command } from "../command.ts";
import { followRun } from "../follow-run.ts";
import { runOf, runWords } from "../run-words.ts";
import { stateName } from "../state.ts";

export const retry: Command = {
  usage: ["retry RUN [--from STEP] [--watch]"],
  about: `Goes on with a run that failed or was cancelled: what succeeded is kept, the rest is tried again with the same
idempotency keys and a new deadline. A run that undid what it did is not gone on with: rerun it.`,
  options: {
    from: { value: "STEP", about: "Of what did not succeed, this step, and then everything behind it" },
    watch: { short: "w", about: "Follow the run to its end" },
  },
  words: runWords,
  async run(shell, args) {
    const { out, settings } = shell;
    const id = runOf(args.words);
    const { mesh } = await shell.session();
    const run = await mesh.orchestrator.retryRun({ id, from: args.text("from") ?? "" });
    if (args.flag("watch")) return followRun(shell, id);
    out.answer(Run.toJSON(run), () =>
      out.line(`${run.id} is ${stateName(run.state)}; follow it: ${settings.program} watch ${run.id}`),
    );
    return 0;
  },
};
