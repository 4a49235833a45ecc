import { Resolution, Run } from "@agentmesh/proto/orchestrator";
import type { Command } from "../command.ts";
import { readValue } from "../read-input.ts";
import { stepName, stepOf } from "../run-words.ts";
import { stateName } from "../state.ts";
import { UsageError } from "../usage-error.ts";

const ACTIONS: Readonly<Record<string, Resolution>> = {
  retry: Resolution.RETRY,
  succeed: Resolution.SUCCEED,
  fail: Resolution.FAIL,
};

export const resolve: Command = {
  usage: ["resolve RUN/STEP retry|succeed|fail [--output JSON]"],
  about: `Says what became of a step in doubt, when you have looked where it would have acted.
retry    try again; safe where the other system knows the idempotency key
succeed  it happened; --output is what it gave. Of an undo: you have undone it by hand
fail     it did not happen. Of an undo: it stays as it is
STEP#7 is the seventh item of a map; \`describe run\` says what is in doubt.`,
  options: { output: { short: "o", value: "JSON", about: "With succeed: what the step gave" } },
  words: { min: 2, max: 3 },
  examples: [`resolve 019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21/charge succeed --output '{"charge":"ch_1"}'`],
  async run(shell, args) {
    const { out, settings } = shell;
    const word = args.words.at(-1) ?? "";
    const action = ACTIONS[word];
    if (action === undefined) throw new UsageError(`${JSON.stringify(word)}: expected retry, succeed or fail`);
    const { run: id, node, shard } = stepOf(args.words.slice(0, -1));
    const json = args.text("output");
    if (json !== undefined && word !== "succeed") throw new UsageError("--output goes with succeed");
    const output = json === undefined ? undefined : await readValue(json, "--output", settings);
    const { mesh } = await shell.session();
    const run = await mesh.orchestrator.resolveStep({ id, node, shard, action, output });
    out.answer(Run.toJSON(run), () => out.line(`${stepName(node, shard)}: ${word}. ${id} is ${stateName(run.state)}.`));
    return 0;
  },
};
