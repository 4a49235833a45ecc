import type { Command } from "../command.ts";
import { followRun } from "../follow-run.ts";
import { runOf, runWords } from "../run-words.ts";

export const watch: Command = {
  usage: ["watch RUN"],
  about: "Prints what has happened, then what happens. Answers 0 when the run succeeds and 1 when it does not.",
  words: runWords,
  examples: ["watch 019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21"],
  run: (shell, { words }) => followRun(shell, runOf(words)),
};
