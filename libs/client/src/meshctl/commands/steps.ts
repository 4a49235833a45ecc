import { ListStepsReply, Part, Step, StepState } from "@agentmesh/proto/orchestrator";
import type { Args } from "../args.ts";
import type { Command, Shell } from "../command.ts";
import { usd } from "../money.ts";
import { firstRows, limitOf, limitOption } from "../pages.ts";
import { runOf, type StepAddress, stepName, stepOf } from "../run-words.ts";
import { stateCell } from "../state.ts";
import { noteOf } from "../step-text.ts";
import { printFields, printTable } from "../table.ts";
import { took, when } from "../time.ts";
import { indent, yamlText } from "../yaml-text.ts";

const STATES = {
  ready: StepState.READY,
  dispatched: StepState.DISPATCHED,
  running: StepState.RUNNING,
  waiting: StepState.WAITING,
  succeeded: StepState.SUCCEEDED,
  failed: StepState.FAILED,
  skipped: StepState.SKIPPED,
  cancelled: StepState.CANCELLED,
  in_doubt: StepState.IN_DOUBT,
} as const;

const NAMES = [
  "ready",
  "dispatched",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "skipped",
  "cancelled",
  "in_doubt",
] as const;

export const steps: Command = {
  usage: ["steps RUN [STEP] [--state STATE]", "steps RUN STEP#ITEM"],
  about: `Steps that have begun; of a map, its items. STEP#7 prints the seventh item in whole, with its input and output;
STEP#0 is the step itself.`,
  options: { state: { short: "s", value: "STATE", about: NAMES.join(", ") }, limit: limitOption },
  words: { min: 1, max: 3 },
  examples: [
    "steps 019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21 resize --state failed",
    "steps 019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21 resize#7",
  ],
  run(shell, args) {
    const words = args.words
      .join("/")
      .replace(/^runs?\//, "")
      .split("/");
    const [run = "", step] = words;
    if (step === undefined) return list(shell, args, { run: runOf([run]), node: "", shard: 0 });
    if (step.endsWith("#0")) return show(shell, stepOf([run, step.slice(0, -2)]));
    const address = stepOf(words);
    return address.shard > 0 ? show(shell, address) : list(shell, args, address);
  },
};

async function list(shell: Shell, args: Args, { run: id, node }: StepAddress): Promise<number> {
  const { out } = shell;
  const state = args.choice("state", NAMES);
  const limit = limitOf(args);
  const { mesh } = await shell.session();
  const found = await firstRows(limit, async (page) => {
    const reply = await mesh.orchestrator.listSteps({ id, node, ...(state && { state: STATES[state] }), ...page });
    return { rows: reply.steps, next: reply.nextPageToken };
  });
  const now = new Date();
  const rows = found.map((step) => [
    stepName(step.node, step.shard),
    stateCell(step.state),
    String(step.attempt),
    when(step.startedAt, now),
    took(step.startedAt, step.endedAt, now),
    usd(step.costNanoUsd),
    noteOf(step) || brief(step.output),
  ]);
  out.answer(ListStepsReply.toJSON({ steps: found, nextPageToken: "" }), () =>
    printTable(out, ["STEP", "STATE", ">TRIES", "STARTED", ">TOOK", ">COST", "NOTE"], rows, "no such steps have begun"),
  );
  return 0;
}

const MAX_BRIEF = 80;

function brief(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = JSON.stringify(value);
  return text.length > MAX_BRIEF ? `${text.slice(0, MAX_BRIEF - 1)}…` : text;
}

async function show(shell: Shell, { run: id, node, shard }: StepAddress): Promise<number> {
  const { out } = shell;
  const { mesh } = await shell.session();
  const step = await mesh.orchestrator.getStep({ id, node, shard });
  // Too large together: each alone.
  if (step.inputCut) step.input = (await mesh.orchestrator.getStep({ id, node, shard, part: Part.INPUT })).input;
  if (step.outputCut) step.output = (await mesh.orchestrator.getStep({ id, node, shard, part: Part.OUTPUT })).output;
  out.answer(Step.toJSON(step), () => {
    const now = new Date();
    printFields(out, [
      ["step", { text: stepName(node, shard), style: "bold" }],
      ["state", stateCell(step.state)],
      ["tries", String(step.attempt)],
      ["worker", step.worker],
      ["started", when(step.startedAt, now)],
      ["took", took(step.startedAt, step.endedAt, now)],
      ["cost", usd(step.costNanoUsd)],
      ["note", noteOf(step)],
    ]);
    for (const [title, value] of [
      ["input", step.input],
      ["output", step.output],
    ] as const) {
      if (value === undefined || value === null) continue;
      out.line(`\n${out.paint("dim", title)}`);
      out.line(indent(yamlText(value)));
    }
  });
  return 0;
}
