// The workflows of the chaos run, and which effects each must leave behind.
import { effectStep } from "../mesh/resources.ts";
import { cancelledSaga, ends, itemsUndoneInReverse, type Judge } from "./judges.ts";

/** What the driver does with a run beside starting it. */
export type Errand = "none" | "decide" | "tell" | "cancel";

export type Shape = {
  readonly name: string;
  readonly spec: object;
  readonly errand: Errand;
  /** What a run is given beside its mark. */
  readonly input: (random: () => number) => object;
  readonly judge: Judge;
};

const mapItems = 20;
const deadlineMs = 30 * 60_000;
/** Faults end attempts too; what is tried is whether they are counted, not how few are enough. */
const patient = { retry: { attempts: 20, delayMs: 300, multiplier: 1.5, maxDelayMs: 3_000 } };
const once = { retry: { attempts: 1 } };

const items = Array.from({ length: mapItems }, (_, index) => `item#${index}`);
const undoneItems = items.map((item) => `undo-${item}`);

const nothing = () => ({});

function undoing(id: string, system: string, index?: string): object {
  const input = { mark: "$.input.mark", step: `undo-${id}`, ...(index !== undefined && { index }) };
  return { compensate: { tool: `fault-${system}`, input, retry: { attempts: 20, delayMs: 300, maxDelayMs: 3_000 } } };
}

const after = (id: string, ...dependsOn: readonly string[]) => effectStep(id, { dependsOn, ...patient });

/** Charging takes a while, so that what comes in between often finds it on its way. */
const sagaSteps = [
  effectStep("order", { ...patient, ...undoing("order", "orders") }),
  effectStep("reserve", { tool: "fault-stock", dependsOn: ["order"], ...patient, ...undoing("reserve", "stock") }),
  effectStep(
    "charge",
    { tool: "fault-payment", dependsOn: ["reserve"], ...patient, ...undoing("charge", "payment") },
    { slowMs: 2_000 },
  ),
];

const mapStep = (more: object) => ({
  id: "items",
  kind: "map",
  over: "$.input.items",
  tool: "fault-stock",
  input: { mark: "$.input.mark", step: "item", index: "$.index" },
  concurrency: 8,
  ...patient,
  ...more,
});

const child = "chaos-child";

export const shapes: readonly Shape[] = [
  {
    name: "chaos-chain",
    errand: "none",
    spec: {
      steps: [after("a"), effectStep("b", { dependsOn: ["a"], ...patient }, { slowMs: 500 }), after("c", "b")],
    },
    input: nothing,
    judge: ends("succeeded", [["a"], ["b"], ["c"]]),
  },
  {
    name: "chaos-parallel",
    errand: "none",
    spec: { steps: [...["p", "q", "r", "s"].map((id) => after(id)), after("join", "p", "q", "r", "s")] },
    input: nothing,
    judge: ends("succeeded", [["p", "q", "r", "s"], ["join"]]),
  },
  {
    name: "chaos-map",
    errand: "none",
    spec: { steps: [mapStep({}), after("end", "items")] },
    input: () => ({ items: items.map((_, index) => index) }),
    judge: ends("succeeded", [items, ["end"]]),
  },
  {
    name: "chaos-map-undone",
    errand: "none",
    spec: {
      steps: [
        mapStep(undoing("item", "stock", "$.index")),
        effectStep("no", { dependsOn: ["items"], ...once }, { refuse: true }),
      ],
    },
    input: () => ({ items: items.map((_, index) => index) }),
    judge: (ended, applied, input) => [
      ...ends("failed", [items, undoneItems])(ended, applied, input),
      ...itemsUndoneInReverse(ended, applied),
    ],
  },
  {
    name: "chaos-gather",
    errand: "none",
    spec: {
      steps: [
        after("x"),
        after("y"),
        effectStep("w", once, { refuse: true }),
        { id: "most", kind: "gather", from: ["x", "y", "w"], success: { share: 0.67 } },
        after("end", "most"),
      ],
    },
    input: nothing,
    judge: ends("succeeded", [["x", "y"], ["end"]]),
  },
  {
    name: "chaos-gate",
    errand: "none",
    spec: {
      steps: [
        effectStep(
          "draft",
          { ...patient, gate: { value: "$.output.score", atLeast: 0.8, onFail: "retry", retries: 5 } },
          { score: 0.5 },
        ),
        after("end", "draft"),
      ],
    },
    input: nothing,
    judge: ends("succeeded", [["draft"], ["end"]]),
  },
  {
    name: "chaos-flaky",
    errand: "none",
    spec: { steps: [effectStep("flaky", patient, { failFirst: 2 }), after("end", "flaky")] },
    input: nothing,
    judge: ends("succeeded", [["flaky"], ["end"]]),
  },
  {
    name: "chaos-letter",
    errand: "none",
    spec: {
      steps: [
        after("a"),
        effectStep("letter", { tool: "fault-letters", dependsOn: ["a"], ...patient }),
        after("b", "letter"),
      ],
    },
    input: nothing,
    judge: ends("succeeded", [["a"], ["letter"], ["b"]]),
  },
  {
    name: "chaos-saga",
    errand: "none",
    spec: {
      steps: [...sagaSteps, effectStep("ship", { dependsOn: ["charge"], ...patient }, { refuse: "$.input.refuse" })],
    },
    input: (random) => ({ refuse: random() < 0.7 }),
    judge: (ended, applied, input) =>
      input.refuse === true
        ? ends("failed", [["order"], ["reserve"], ["charge"], ["undo-charge"], ["undo-reserve"], ["undo-order"]])(
            ended,
            applied,
            input,
          )
        : ends("succeeded", [["order"], ["reserve"], ["charge"], ["ship"]])(ended, applied, input),
  },
  {
    name: "chaos-cancelled",
    errand: "cancel",
    spec: {
      steps: [
        ...sagaSteps,
        { id: "pause", kind: "wait", dependsOn: ["charge"], timerMs: 4_000 },
        after("done", "pause"),
      ],
    },
    input: nothing,
    judge: cancelledSaga,
  },
  {
    name: "chaos-approval",
    errand: "decide",
    spec: {
      steps: [
        after("ask"),
        { id: "approve", kind: "approval", title: "Go on?", dependsOn: ["ask"], input: { mark: "$.input.mark" } },
        after("done", "approve"),
      ],
    },
    input: nothing,
    judge: (ended, applied, input) =>
      ended.approval === "approved"
        ? ends("succeeded", [["ask"], ["done"]])(ended, applied, input)
        : [
            ...(ended.approval === "rejected" ? [] : [`the approval is ${ended.approval}`]),
            ...ends("failed", [["ask"]])(ended, applied, input),
          ],
  },
  {
    name: "chaos-timer",
    errand: "none",
    spec: {
      steps: [
        { id: "first", kind: "wait", timerMs: 700 },
        after("a", "first"),
        { id: "second", kind: "wait", dependsOn: ["a"], timerMs: 1_500 },
        after("b", "second"),
      ],
    },
    input: nothing,
    judge: ends("succeeded", [["a"], ["b"]]),
  },
  {
    name: "chaos-child-parent",
    errand: "none",
    spec: {
      steps: [
        after("before"),
        { id: "sub", kind: "workflow", workflow: child, dependsOn: ["before"], input: { mark: "$.input.mark" } },
        after("end", "sub"),
      ],
    },
    input: nothing,
    judge: ends("succeeded", [["before"], ["child-a"], ["child-b"], ["end"]]),
  },
  {
    name: "chaos-event",
    errand: "tell",
    spec: {
      steps: [
        {
          id: "paid",
          kind: "wait",
          event: { type: "chaos.paid", publisher: "helpdesk", match: "$.data.mark", equals: "$.input.mark" },
        },
        after("deliver", "paid"),
      ],
    },
    input: nothing,
    judge: ends("succeeded", [["deliver"]]),
  },
  {
    name: "chaos-agent",
    errand: "none",
    spec: {
      steps: [
        { id: "say", kind: "agent", agent: "chaos-agent", input: { text: "$.input.mark" }, ...patient },
        after("end", "say"),
      ],
    },
    input: nothing,
    judge: ends("succeeded", [["end"]]),
  },
];

/** All that is applied, what other workflows start first. */
export const workflows: readonly { readonly name: string; readonly spec: object }[] = [
  { name: child, spec: { steps: [after("child-a"), after("child-b", "child-a")] } },
  ...shapes,
].map(({ name, spec }) => ({ name, spec: { ...spec, deadlineMs } }));
