import { kinds } from "../../owner-of.ts";
import { globalOptions } from "../args.ts";
import type { Command } from "../command.ts";
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
  completion: Object.keys(SCRIPTS),
  help: commands.map(({ name }) => name),
};

export const completion: Command = {
  usage: ["completion bash|zsh|fish"],
  about: `Prints a script that completes commands, options and kinds. Where meshctl is on PATH:
  bash   echo 'source <(meshctl completion bash)' >> ~/.bashrc
  zsh    echo 'source <(meshctl completion zsh)' >> ~/.zshrc
  fish   meshctl completion fish > ~/.config/fish/completions/meshctl.fish`,
  words: { min: 1, max: 1 },
  async run({ out }, { words: [shell = ""] }) {
    const script = SCRIPTS[shell];
    if (!script) throw new UsageError(`${JSON.stringify(shell)}: expected bash, zsh or fish`);
    const found = await Promise.all(
      commands.map(async ({ name, summary, load }): Promise<Completable> => {
        const specs = { ...(await load()).options, ...globalOptions };
        const options = Object.entries(specs).flatMap(([option, { short }]) => [
          `--${option}`,
          ...(short ? [`-${short}`] : []),
        ]);
        return { name, summary, options, words: WORDS[name] ?? [] };
      }),
    );
    out.answer({ shell, script: script(found) }, () => out.line(script(found)));
    return 0;
  },
};
