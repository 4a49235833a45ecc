import { agentName, concurrency, instructions } from "../benchmarks/batch/load.ts";

/** What `workflow` and `trigger` run: three steps, one after the other, that answer what they were given. */
export const workflowName = "bench-three-steps";
/** Ids of its steps, in order. */
export const stepIds = ["first", "second", "third"] as const;
export const triggerName = "bench-opened";
export const eventType = "bench.opened";
export const publisher = "helpdesk";
export const eventSource = "bench";
/** What a run is given, and what each of its steps gives. */
export const payload = { ticket: "T-1", text: "three steps" };

type BenchResource = {
  readonly kind: string;
  readonly name: string;
  readonly owner: "auth" | "orchestrator" | "runner";
  readonly spec: Readonly<Record<string, unknown>>;
};

/** What `batch` asks. */
const answers = {
  kind: "Agent",
  name: agentName,
  owner: "runner",
  spec: { description: "Answers questions", instructions, batch: { size: concurrency } },
} as const satisfies BenchResource;

const tool = "bench-echo";
const account = "bench-bot";
const given = {
  type: "object",
  properties: { ticket: { type: "string" }, text: { type: "string" } },
  required: ["ticket", "text"],
};

/** In the order in which they can be applied. */
export const benchResources: readonly BenchResource[] = [
  answers,
  {
    kind: "Tool",
    name: tool,
    owner: "runner",
    spec: { description: "Answers its arguments", effect: "read", parameters: given, source: { type: "identity" } },
  },
  {
    kind: "ServiceAccount",
    name: account,
    owner: "auth",
    spec: { displayName: "Benchmark", department: "bench", project: "bench", roles: ["workflow_runner"] },
  },
  {
    kind: "Workflow",
    name: workflowName,
    owner: "orchestrator",
    spec: {
      description: "Three tool steps in a row",
      input: given,
      steps: stepIds.map((id, index) => {
        const before = stepIds[index - 1];
        const from = before === undefined ? "$.input" : `$.steps.${before}.output`;
        return {
          id,
          kind: "tool",
          tool,
          dependsOn: before === undefined ? [] : [before],
          input: { ticket: `${from}.ticket`, text: `${from}.text` },
        };
      }),
      output: { ticket: "$.steps.third.output.ticket" },
    },
  },
  {
    kind: "Trigger",
    name: triggerName,
    owner: "orchestrator",
    spec: { event: { type: eventType, publisher }, workflow: workflowName, runAs: account },
  },
];
