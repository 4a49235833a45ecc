import { Run, RunState } from "@agentmesh/proto/orchestrator";
import type { Command } from "../command.ts";
import { runOf, runWords } from "../run-words.ts";
import { stateName } from "../state.ts";

export const cancel: Command = {
  usage: ["cancel RUN [--reason TEXT]"],
  about: "What its steps did is undone first, where the workflow says how. A step at work is told to stop.",
  options: { reason: { value: "TEXT", about: "Why, for whoever reads the run later" } },
  words: runWords,
  async run(shell, args) {
    const { out } = shell;
    const id = runOf(args.words);
    const { mesh } = await shell.session();
    const run = await mesh.orchestrator.cancelRun({ id, reason: args.text("reason") ?? "" });
    out.answer(Run.toJSON(run), () => out.line(`${run.id} ${outcome(run)}`));
    return 0;
  },
};

function outcome({ state }: Run): string {
  if (state === RunState.RUNNING) return "was asked to stop.";
  if (state === RunState.COMPENSATING) return "stops, and undoes what it did.";
  return `is ${stateName(state)}.`;
}
