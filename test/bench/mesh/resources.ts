import { agentName, concurrency, instructions } from "../benchmarks/batch/load.ts";
import * as mapLoad from "../benchmarks/map/load.ts";

/** What `workflow` and `trigger` run: three steps, one after the other, that answer what they were given. */
export const workflowName = "bench-three-steps";
/** Ids of its steps, in order. */
export const stepIds = ["first", "second", "third"] as const;
/** What `map` runs: a tool step for each item, whose outputs are then taken batch by batch, level by level. */
export const mapWorkflowName = "bench-map";
export const mapStepIds = { each: "each", together: "together" } as const;
export const triggerName = "bench-opened";
export const eventType = "bench.opened";
export const publisher = "helpdesk";
export const eventSource = "bench";
/** What a run is given, and what each of its steps gives. */
export const payload = { ticket: "T-1", text: "three steps" };

export type BenchResource = {
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

export const echoTool = "bench-echo";
const itemTool = "bench-item";
const reduceTool = "bench-reduce";
export const account = "bench-bot";
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
    name: echoTool,
    owner: "runner",
    spec: { description: "Answers its arguments", effect: "read", parameters: given, source: { type: "identity" } },
  },
  {
    kind: "Tool",
    name: itemTool,
    owner: "runner",
    spec: {
      description: "Answers its item",
      effect: "read",
      parameters: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
      source: { type: "identity" },
    },
  },
  {
    // It is given all outputs of its batch and answers something small, as what reduces does.
    kind: "Tool",
    name: reduceTool,
    owner: "runner",
    spec: {
      description: "Answers the row of a level",
      effect: "read",
      parameters: {
        type: "object",
        properties: { level: { type: "integer" }, items: { type: "array" } },
        required: ["level", "items"],
      },
      source: { type: "table", key: "level", rows: [1, 2, 3].map((level) => ({ level })) },
    },
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
          tool: echoTool,
          dependsOn: before === undefined ? [] : [before],
          input: { ticket: `${from}.ticket`, text: `${from}.text` },
        };
      }),
      output: { ticket: "$.steps.third.output.ticket" },
    },
  },
  {
    kind: "Workflow",
    name: mapWorkflowName,
    owner: "orchestrator",
    spec: {
      description: "A map and its reduce",
      deadlineMs: 3_600_000,
      input: {
        type: "object",
        properties: { list: { type: "array", items: { type: "integer" } } },
        required: ["list"],
      },
      steps: [
        {
          id: mapStepIds.each,
          kind: "map",
          over: "$.input.list",
          tool: itemTool,
          concurrency: mapLoad.concurrency,
          input: { n: "$.item" },
        },
        {
          id: mapStepIds.together,
          kind: "gather",
          from: [mapStepIds.each],
          reduce: { tool: reduceTool, batch: mapLoad.batch, input: { level: "$.level", items: "$.items" } },
        },
      ],
      output: `$.steps.${mapStepIds.together}.output`,
    },
  },
  {
    kind: "Trigger",
    name: triggerName,
    owner: "orchestrator",
    spec: { event: { type: eventType, publisher }, workflow: workflowName, runAs: account },
  },
];
