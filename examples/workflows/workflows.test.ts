// The four examples as they are written, against the whole mesh.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect, type MeshClient } from "@agentmesh/client";
import { eventually } from "@agentmesh/harness";
import { startMesh } from "@agentmesh/local";
import { ApprovalState, Resolution, type Run, RunState, StepState } from "@agentmesh/proto/orchestrator";
import { parse } from "yaml";

const stack = new AsyncDisposableStack();
let client: MeshClient;
let systemsUrl = "";
/** What the three systems printed. */
const printed: string[] = [];

before(async () => {
  await startSystems();
  const root = mkdtempSync(join(tmpdir(), "example-workflows-"));
  stack.defer(() => rmSync(root, { recursive: true, force: true }));
  const mesh = stack.use(await startMesh({ root, quiet: true, env: { HTTP_TOOLS_ALLOW_PRIVATE_NETWORKS: "true" } }));
  client = stack.use(connect({ address: mesh.gatewayAddress }));
  const { tenant, adminUsername: username, adminPassword: password } = mesh;
  client.setToken((await client.auth.signIn({ tenant, username, password })).accessToken);
  for (const example of ["research-team", "map-reduce", "approval", "saga"]) {
    await client.applyFile(path(`${example}/resources.yaml`), { SYSTEMS_URL: systemsUrl });
  }
});
after(() => stack.disposeAsync());

async function startSystems(): Promise<void> {
  const child = spawn(process.execPath, [path("systems.mjs"), "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  stack.defer(async () => {
    child.kill();
    await once(child, "exit");
  });
  const lines = createInterface({ input: child.stdout });
  const [first] = await once(lines, "line");
  systemsUrl = String(first).replace("systems on ", "");
  lines.on("line", (line) => printed.push(line));
}

async function tell(what: string): Promise<void> {
  assert.ok((await fetch(`${systemsUrl}/${what}`, { method: "POST" })).ok);
}

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function isOver({ state }: Run): boolean {
  return state !== RunState.RUNNING && state !== RunState.COMPENSATING;
}

async function endOf(id: string): Promise<Run> {
  return until(id, "end", isOver);
}

async function until(id: string, what: string, holds: (run: Run) => boolean): Promise<Run> {
  const found = await eventually(
    async () => {
      const run = await client.orchestrator.getRun({ id });
      return holds(run) && run;
    },
    { what: `run ${id}: ${what}` },
  );
  return found;
}

function stateOf(run: Run, node: string): StepState | undefined {
  return run.steps.find((step) => step.node === node)?.state;
}

test("research team: the question is taken apart, looked up and written down", async () => {
  const question = "How well do heat pumps work in cold climates? What does insulating a house save?";
  const { id } = await client.orchestrator.startWorkflow({ workflow: "team:research", input: { question } });
  const run = await endOf(id);
  assert.equal(run.state, RunState.SUCCEEDED, run.failure?.message);
  const items = run.steps.find(({ node }) => node === "each--item");
  assert.deepEqual([items?.progress?.total, items?.progress?.ok], [2, 2]);
  assert.match(JSON.stringify(run.output), /coefficient of performance above 2/);
});

test("map-reduce: all reports are read at the same time and brought together in two levels", async () => {
  const input: Record<string, unknown> = parse(readFileSync(path("map-reduce/reports.yaml"), "utf8"));
  const { id } = await client.orchestrator.startWorkflow({ workflow: "read-reports", input });
  const run = await endOf(id);
  assert.equal(run.state, RunState.SUCCEEDED, run.failure?.message);
  const { read, readings, page } = run.output;
  assert.equal(read, 12);
  assert.deepEqual(
    readings.slice(0, 4).map((reading: { cause: string }) => reading.cause),
    ["deploy", "capacity", "network", "people"],
  );
  assert.match(page, /rolled back/);
  const { steps } = await client.orchestrator.listSteps({ id, node: "write" });
  assert.equal(steps.length, 1 + 3 + 1, "the step, three batches, and one of those three");
});

test("approval: a small refund is paid at once, a large one when exactly it was approved, an unknown one never", async () => {
  printed.length = 0;
  const start = (order: string, usd: number) =>
    client.orchestrator.startWorkflow({ workflow: "refund", input: { order, usd } });
  const small = await endOf((await start("O-18", 35)).id);
  assert.equal(small.output.case, "small");
  const unknown = await endOf((await start("O-99", 10)).id);
  assert.deepEqual([unknown.state, unknown.output.payment], [RunState.SUCCEEDED, null]);
  const { id } = await start("O-17", 640);
  await until(id, "to ask", (run) => stateOf(run, "sure") === StepState.WAITING);
  const { approvals } = await client.orchestrator.listApprovals({ runId: id, state: ApprovalState.PENDING });
  const [asked] = approvals;
  assert.deepEqual(asked?.input, { order: "O-17", customer: "Ada Brown", usd: 640 });
  const decision = { id, node: "sure", approve: true, comment: "called Ada Brown" };
  await assert.rejects(
    client.orchestrator.decideApproval({ ...decision, argsHash: "0".repeat(64) }),
    /look at it again/,
  );
  await client.orchestrator.decideApproval({ ...decision, argsHash: asked?.argsHash ?? "" });
  const large = await endOf(id);
  assert.deepEqual([large.state, large.output.case], [RunState.SUCCEEDED, "large"]);
  assert.match(large.output.approvedBy, /^user:/);
  assert.deepEqual(printed, [
    "payments: booked payments-1 for O-18, 35 USD",
    "payments: booked payments-2 for O-17, 640 USD",
  ]);
});

test("saga: what was booked is taken back in reverse, and an undo that is refused waits for a person", async () => {
  const start = (trip: string) =>
    client.orchestrator.startWorkflow({ workflow: "book-trip", input: { trip, usd: 420 } });
  assert.equal((await endOf((await start("T-1")).id)).state, RunState.SUCCEEDED);
  await tell("fail/payments");
  await tell("fail/cancellations");
  printed.length = 0;
  const { id } = await start("T-2");
  await until(id, "its undo to give up", (run) => stateOf(run, "flight~undo") === StepState.IN_DOUBT);
  await tell("mend/cancellations");
  await client.orchestrator.resolveStep({ id, node: "flight~undo", action: Resolution.RETRY });
  const run = await endOf(id);
  assert.deepEqual([run.state, run.failure?.code], [RunState.FAILED, "FAILED_PRECONDITION"]);
  const without = printed.map((line) => line.replace(/(?<=[a-z])-\d+/, ""));
  assert.deepEqual(without, [
    "hotels: booked hotels for T-2",
    "flights: booked flights for T-2",
    "payments: refused T-2",
    "flights: refused to take back T-2",
    "flights: took flights back",
    "hotels: took hotels back",
  ]);
});

test("what docs/operations.md shows is accepted as it is written", async () => {
  const text = readFileSync(path("../../docs/operations.md"), "utf8");
  const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => block.split("\n---\n"));
  assert.ok(blocks.length > 0);
  for (const block of blocks) {
    const { kind, name, spec } = parse(block);
    await client.alerting.applyResource({ kind, name, spec });
  }
});
