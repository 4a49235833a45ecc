import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Mesh, startMesh } from "./mesh.fixture.ts";
import { finish, stepOf, tool } from "./runs.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

let mesh: Mesh;
const stack = new AsyncDisposableStack();

before(async () => {
  mesh = stack.use(await startMesh());
  stack.use(
    await startWorker(mesh, {
      name: "w1",
      work(claim) {
        const { work, attempt = 1 } = claim.work ?? {};
        const name = work?.$case === "agent" ? work.value.agent : (work?.value.tool ?? "");
        const input: unknown = work?.value.input;
        if (name === "better") return { output: { score: attempt === 1 ? 0.2 : 0.75, input } };
        if (name === "broken") return { failure: { code: "INVALID_ARGUMENT", message: "no", retryable: false } };
        return { output: { by: name, input } };
      },
    }),
  );
});
after(() => stack.disposeAsync());

test("a branch takes one case; what depends on another case is skipped, and what joins both goes on", async () => {
  await mesh.apply("Workflow", "branching", {
    steps: [
      {
        id: "which",
        kind: "branch",
        cases: [{ name: "big", when: { value: "$.input.n", atLeast: 10 } }],
        else: "small",
      },
      tool("b", { dependsOn: ["which:big"] }),
      tool("behind", { dependsOn: ["b"] }),
      tool("s", { dependsOn: ["which:small"] }),
      tool("join", { dependsOn: ["behind", "s"], input: { case: "$.steps.which.output.case" } }),
    ],
    output: { $first: ["$.steps.b.output.by", "$.steps.join.output.input.case"] },
  });
  const small = await finish(mesh, "branching", { n: 1 });
  assert.deepEqual(
    small.steps.map((step) => step.state.replace("STEP_STATE_", "")),
    ["SUCCEEDED", "SKIPPED", "SKIPPED", "SUCCEEDED", "SUCCEEDED"],
  );
  assert.equal(small.output, "small");
  const big = await finish(mesh, "branching", { n: 12 });
  assert.deepEqual([big.output, stepOf(big, "s").state], ["echo", "STEP_STATE_SKIPPED"]);
  assert.equal(stepOf(big, "which").kind, "STEP_KIND_BRANCH");
  assert.deepEqual(stepOf(big, "join").dependsOn, ["behind", "s"]);
});

test("a gate asks again with a changed input and takes a little less; its answer can be read", async () => {
  await mesh.apply("Workflow", "gated", {
    steps: [
      {
        ...tool("draft"),
        tool: "better",
        input: { tone: "plain" },
        gate: {
          value: "$.output.score",
          atLeast: 0.8,
          retryAtLeast: 0.7,
          onFail: "retry",
          change: { tone: "careful", before: "$.output.score" },
        },
      },
      { ...tool("weak"), tool: "better", gate: { value: "$.output.score", onFail: "branch" } },
      tool("after", { dependsOn: ["weak"], when: { value: "$.steps.weak.gate", equals: "failed" } }),
    ],
    output: { draft: "$.steps.draft.output", gate: "$.steps.weak.gate", after: "$.steps.after.state" },
  });
  const run = await finish(mesh, "gated");
  assert.deepEqual(run.output, {
    draft: { score: 0.75, input: { tone: "careful", before: 0.2 } },
    gate: "failed",
    after: "succeeded",
  });
  const draft = stepOf(run, "draft");
  assert.deepEqual([draft.attempt, draft.gate, draft.input], [2, "passed", { tone: "careful", before: 0.2 }]);
});

test("two of three are enough for a gather, and one failure is told by its absence", async () => {
  const steps = (third: string) => [
    tool("a"),
    tool("b"),
    { ...tool("c"), tool: third },
    { id: "all", kind: "gather", from: ["a", "b", "c"], success: { share: 0.67 } },
  ];
  await mesh.apply("Workflow", "two-of-three", { steps: steps("broken"), output: "$.steps.all.output" });
  const run = await finish(mesh, "two-of-three");
  assert.equal(run.state, "RUN_STATE_SUCCEEDED");
  assert.deepEqual(run.output, {
    ok: 2,
    failed: 1,
    outputs: { a: { by: "echo", input: {} }, b: { by: "echo", input: {} }, c: null },
  });
  await mesh.apply("Workflow", "all-of-two", {
    steps: [tool("a"), { ...tool("b"), tool: "broken" }, { id: "all", kind: "gather", from: ["a", "b"] }],
  });
  assert.equal((await finish(mesh, "all-of-two")).state, "RUN_STATE_FAILED");
});

test("a router keeps its decision, and the chosen one does the work; nobody fits: NO_MATCH", async () => {
  await mesh.apply("Workflow", "routed", {
    steps: [
      {
        id: "route",
        kind: "route",
        needs: "$.input.needs",
        candidates: [
          { agent: "poet", capabilities: ["rhyme"] },
          { agent: "lawyer", capabilities: ["contract", "law"] },
        ],
      },
      { id: "do", kind: "agent", agent: "$.steps.route.output.chosen", dependsOn: ["route"] },
    ],
    output: "$.steps.do.output.by",
  });
  const run = await finish(mesh, "routed", { needs: ["law", "contract"] });
  assert.equal(run.output, "lawyer");
  assert.equal(stepOf(run, "do").target, "lawyer");
  const nobody = await finish(mesh, "routed", { needs: ["plumbing"] });
  assert.equal(nobody.failure?.code, "NO_MATCH");
});
