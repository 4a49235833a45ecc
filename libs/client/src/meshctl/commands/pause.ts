import { Run } from "@agentmesh/proto/orchestrator";
import type { Command } from "../command.ts";
import { isLive } from "../live.ts";
import { runOf, runWords } from "../run-words.ts";
import { stateName } from "../state.ts";

export const pause: Command = {
  usage: ["pause RUN [--reason TEXT]"],
  about:
    "Nothing new begins. What is at work goes on and its result is kept; timers and the deadline stand still until `resume`.",
  options: { reason: { value: "TEXT", about: "Why, for the audit" } },
  words: runWords,
  async run(shell, args) {
    const { out, settings } = shell;
    const id = runOf(args.words);
    const { mesh } = await shell.session();
    const run = await mesh.orchestrator.pauseRun({ id, reason: args.text("reason") ?? "" });
    out.answer(Run.toJSON(run), () => {
      if (run.paused) out.line(`${run.id} is paused; it goes on with: ${settings.program} resume ${run.id}`);
      else out.line(`${run.id} is ${stateName(run.state)}${isLive(run) ? " and cannot be paused" : ""}.`);
    });
    return run.paused ? 0 : 1;
  },
};
