import type { Command } from "../command.ts";
import { kindOf } from "../kind-name.ts";
import { UsageError } from "../usage-error.ts";

export const describe: Command = {
  usage: ["describe KIND NAME", "describe run ID [-o mermaid|json]"],
  about: `A resource with its versions, or a run: its steps as a picture of their order, how each is, and what the run waits for
with the commands that answer it. ✓ succeeded, ● running, ◌ in the queue, ◐ waits, ? in doubt, ✗ failed, ⊘ cancelled,
- skipped, ○ not yet. -o mermaid prints a flowchart for a page or an issue.`,
  options: { output: { short: "o", value: "text|json|mermaid", about: "Of a run; default text" } },
  words: { min: 1, max: 2 },
  examples: [
    "describe agent classifier",
    "describe run 019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21",
    "describe run 019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21 -o mermaid",
  ],
  async run(shell, args) {
    const [word = "", name] = args.words;
    const format = args.choice("output", ["text", "json", "mermaid"]) ?? "text";
    // `describe agent/classifier` reads as well.
    const [kindWord = "", nameWord = name] = word.split("/");
    if (!nameWord) throw new UsageError("NAME is missing");
    if (["run", "runs"].includes(kindWord.toLowerCase())) {
      const { describeRun } = await import("../describe-run.ts");
      if (format === "json") shell.out.json = true;
      return describeRun(shell, nameWord, format);
    }
    if (format !== "text")
      throw new UsageError(`-o is for runs; a resource is printed by: get ${kindWord} ${nameWord}`);
    const kind = kindOf(kindWord);
    const { describeResource } = await import("../describe-resource.ts");
    return describeResource(shell, kind, nameWord);
  },
};
