import fc from "fast-check";
import { planOf } from "./advance.fixture.ts";

const options = fc.record({
  kind: fc.constantFrom(
    ...([
      "tool",
      "tool",
      "agent",
      "emit",
      "workflow",
      "map",
      "map",
      "gather",
      "branch",
      "approval",
      "wait",
      "route",
    ] as const),
  ),
  when: fc.constantFrom("none", "none", "none", "true", "false", "dependency"),
  onFailure: fc.constantFrom("fail", "continue", "continue"),
  gate: fc.constantFrom("none", "none", "fail", "continue", "retry", "branch"),
  attempts: fc.integer({ min: 1, max: 3 }),
  links: fc.array(fc.nat({ max: 20 }), { maxLength: 3 }),
  undo: fc.boolean(),
  size: fc.nat({ max: 5 }),
  odd: fc.boolean(),
});

type Options = typeof options extends fc.Arbitrary<infer T> ? T : never;

/** Workflows of all kinds that compile; lists to map over stand in `$.input.lists`. */
export const workflow = fc.array(options, { minLength: 1, maxLength: 9 }).map((all) => {
  const steps = all.map((one, index) => stepOf(one, index, all));
  const spec = { deadlineMs: 3_600_000, slaMs: 20_000, steps, output: "$.steps.s0" };
  try {
    planOf(spec);
    return spec;
  } catch {
    // Two cases of one branch that exclude each other: then the step comes after the branch, whatever it took.
    return {
      ...spec,
      steps: steps.map((step) => ({ ...step, dependsOn: [...new Set(step.dependsOn.map((id) => id.split(":")[0]))] })),
    };
  }
});

export const input = {
  yes: true,
  lists: [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7]],
  order: "o1",
};

function stepOf(one: Options, index: number, all: readonly Options[]) {
  const links = index === 0 ? [] : [...new Set(one.links.map((link) => link % index))];
  const [first] = links;
  const dependsOn = links.map((link) => (all[link]?.kind === "branch" && one.odd ? `s${link}:yes` : `s${link}`));
  const when = {
    none: undefined,
    true: { value: "$.input.yes", equals: true },
    false: { value: "$.input.yes", equals: false },
    dependency: first === undefined ? undefined : { value: `$.steps.s${first}.state`, in: ["succeeded", "failed"] },
  }[one.when];
  const mapped = first === undefined ? "$.input.yes" : `$.steps.s${first}.state`;
  const common = { id: `s${index}`, dependsOn, ...(when && { when }), input: mapped };
  return { ...common, ...kindOf(one, links) };
}

function kindOf({ kind, onFailure, gate, attempts, undo, size, odd }: Options, links: readonly number[]): object {
  const retry = { attempts, delayMs: 50 };
  const compensate = undo && {
    compensate: { tool: "undo", input: { made: "$.output" }, retry: { attempts: 2, delayMs: 10 } },
  };
  const called = {
    onFailure,
    retry,
    ...compensate,
    ...(gate !== "none" && {
      gate: { value: "$.output.score", onFail: gate, ...(gate === "retry" && { change: { hint: "$.output" } }) },
    }),
  };
  const success = odd ? { success: { share: 0.67 } } : {};
  switch (kind) {
    case "tool":
    case "agent":
    case "workflow":
      return { kind, [kind]: "some", ...called };
    case "emit":
      return { kind, event: { type: "made.up" } };
    case "map": {
      const work = size % 2 === 0 ? { tool: "some" } : { workflow: "some" };
      const mapInput = { item: "$.item", index: "$.index" };
      return {
        kind,
        over: `$.input.lists[${size}]`,
        ...work,
        input: mapInput,
        concurrency: 1 + (size % 3),
        onFailure,
        retry,
        ...compensate,
        ...success,
      };
    }
    case "gather": {
      if (links.length === 0) return { kind: "wait", timerMs: 100 };
      const from = links.map((link) => `s${link}`);
      const reduce = size % 2 === 0 ? { reduce: { tool: "sum", batch: 2 } } : {};
      return {
        kind,
        dependsOn: [],
        input: null,
        when: undefined,
        from,
        rest: undo ? "cancel" : "await",
        concurrency: 2,
        retry,
        onFailure,
        ...success,
        ...reduce,
      };
    }
    case "branch":
      return { kind, cases: [{ name: "yes", when: { value: "$.input.yes", equals: odd } }], else: "no" };
    case "approval":
      return { kind, title: "Sure?", onFailure, timeoutMs: 60_000 };
    case "wait":
      return size % 2 === 0
        ? { kind, timerMs: 500 * size, onFailure }
        : {
            kind,
            event: { type: "paid", publisher: "shop", match: "$.data", equals: "$.input.order" },
            timeoutMs: 60_000,
            onFailure,
          };
    case "route":
      return { kind, candidates: [{ agent: "some", capabilities: ["x"] }], needs: odd ? ["x"] : ["y"], onFailure };
    default:
      return kind satisfies never;
  }
}
