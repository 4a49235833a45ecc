import { kinds } from "../../owner-of.ts";
import { globalOptions } from "../args.ts";
import type { Command } from "../command.ts";
import { printNames } from "../complete-names.ts";
import { bashScript, type Completable, fishScript, zshScript } from "../completion-script.ts";
import { UsageError } from "../usage-error.ts";
import { commands } from "./index.ts";

const SCRIPTS: Readonly<Record<string, (commands: readonly Completable[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** Kinds as people write them. */
const KINDS = kinds().map((kind) => kind.toLowerCase());

const WORDS: Readonly<Record<string, readonly string[]>> = {
  get: [...KINDS, "all"],
  describe: [...KINDS, "run"],
  delete: KINDS,
  run: ["agent/", "workflow/", "team/"],
  completion: Object.keys(SCRIPTS),
  help: commands.map(({ name }) => name),
};

/** Where names of resources are completed. */
const NAMES: Readonly<Record<string, "after-kind" | "after-slash">> = {
  get: "after-kind",
  describe: "after-kind",
  delete: "after-kind",
  run: "after-slash",
};

export const completion: Command = {
  usage: ["completion bash|zsh|fish", "completion names KIND[/]"],
  about: `Prints a script that completes commands, options, kinds and names of resources. It asks the mesh for names with
\`completion names\`, which answers within two seconds or not at all. Where meshctl is on PATH:
  bash   echo 'source <(meshctl completion bash)' >> ~/.bashrc
  zsh    echo 'source <(meshctl completion zsh)' >> ~/.zshrc
  fish   meshctl completion fish > ~/.config/fish/completions/meshctl.fish`,
  words: { min: 1, max: 2 },
  async run(opened, { words: [shell = "", kind = ""] }) {
    const { out } = opened;
    if (shell === "names") return printNames(opened, kind);
    if (kind !== "") throw new UsageError(`${JSON.stringify(kind)} is one word too many`);
    const script = SCRIPTS[shell];
    if (!script) throw new UsageError(`${JSON.stringify(shell)}: expected bash, zsh or fish`);
    const found = await Promise.all(
      commands.map(async ({ name, summary, load }): Promise<Completable> => {
        const specs = { ...(await load()).options, ...globalOptions };
        const options = Object.entries(specs).flatMap(([option, { short }]) => [
          `--${option}`,
          ...(short ? [`-${short}`] : []),
        ]);
        const names = NAMES[name];
        return { name, summary, options, words: WORDS[name] ?? [], ...(names && { names }) };
      }),
    );
    out.answer({ shell, script: script(found) }, () => out.line(script(found)));
    return 0;
  },
};
