import { Run } from "@agentmesh/proto/orchestrator";
import type { Command } from "../command.ts";
import { runOf, runWords } from "../run-words.ts";
import { stateName } from "../state.ts";

export const resume: Command = {
  usage: ["resume RUN"],
  about: "Goes on with a paused run; its timers and its deadline move by the time it was paused.",
  words: runWords,
  async run(shell, args) {
    const { out } = shell;
    const id = runOf(args.words);
    const { mesh } = await shell.session();
    const run = await mesh.orchestrator.resumeRun({ id });
    out.answer(Run.toJSON(run), () => out.line(`${run.id} is ${stateName(run.state)}.`));
    return 0;
  },
};
