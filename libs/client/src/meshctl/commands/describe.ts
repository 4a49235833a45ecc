import type { Command } from "../command.ts";
import { kindOf } from "../kind-name.ts";
import { UsageError } from "../usage-error.ts";

export const describe: Command = {
  usage: ["describe KIND NAME", "describe run ID"],
  about:
    "A resource with its versions, or a run with its steps: how each ended, how often it was tried, how long it took.",
  words: { min: 1, max: 2 },
  examples: ["describe agent classifier", "describe run 019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21"],
  async run(shell, { words: [word = "", name] }) {
    // `describe agent/classifier` reads as well.
    const [kindWord = "", nameWord = name] = word.split("/");
    if (!nameWord) throw new UsageError("NAME is missing");
    if (["run", "runs"].includes(kindWord.toLowerCase())) {
      const { describeRun } = await import("../describe-run.ts");
      return describeRun(shell, nameWord);
    }
    const kind = kindOf(kindWord);
    const { describeResource } = await import("../describe-resource.ts");
    return describeResource(shell, kind, nameWord);
  },
};
