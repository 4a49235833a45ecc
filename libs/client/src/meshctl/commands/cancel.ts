import { Run } from "@agentmesh/proto/orchestrator";
import type { Command } from "../command.ts";
import { stateName } from "../state.ts";

export const cancel: Command = {
  usage: ["cancel RUN [--reason TEXT]"],
  options: { reason: { value: "TEXT", about: "Why, for whoever reads the run later" } },
  words: { min: 1, max: 1 },
  async run(shell, args) {
    const { out } = shell;
    const { mesh } = await shell.session();
    const run = await mesh.orchestrator.cancelRun({ id: args.words[0] ?? "", reason: args.text("reason") ?? "" });
    out.answer(Run.toJSON(run), () => {
      const state = stateName(run.state);
      out.line(state === "running" ? `${run.id} was asked to stop.` : `${run.id} is ${state}.`);
    });
    return 0;
  },
};
