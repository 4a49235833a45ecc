// What people do with runs, against the whole mesh: pictures, items, approvals, pausing, retrying, resolving.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { type RunningMesh, startMesh } from "@agentmesh/local";
import { type Run, RunState, type Step, StepState } from "@agentmesh/proto/orchestrator";
import { connect, type MeshClient } from "../src/connect.ts";
import { type Meshctl, meshctl } from "./meshctl.ts";

const stack = new AsyncDisposableStack();
let run: Meshctl;
let mesh: RunningMesh;
let client: MeshClient;
/** What the other system was told; it refuses what is named here. */
const done: string[] = [];
const refused = new Set<string>();

const resources = (url: string) => `
kind: Tool
name: act
spec:
  description: Does something to another system
  effect: idempotent
  parameters: { type: object, properties: { what: { type: string } }, required: [what] }
  source: { type: http, method: POST, url: "${url}/act" }
---
kind: Tool
name: echo
spec: { description: Answers its arguments, effect: read, parameters: { type: object }, source: { type: identity } }
---
kind: Workflow
name: flow
spec:
  input: { type: object, properties: { amount: { type: number }, list: { type: array } }, required: [amount, list] }
  steps:
    - { id: size, kind: branch, cases: [{ name: large, when: { value: $.input.amount, atLeast: 100 } }], else: small }
    - { id: sure, kind: approval, title: Pay it?, dependsOn: ["size:large"], input: { amount: $.input.amount } }
    - { id: pay, kind: tool, tool: echo, dependsOn: [sure, size], input: { paid: $.input.amount } }
    - { id: each, kind: map, over: $.input.list, tool: echo, input: { n: $.item } }
    - { id: all, kind: gather, from: [pay, each] }
  output: $.steps.pay.output
---
kind: Workflow
name: book
spec:
  steps:
    - { id: hotel, kind: tool, tool: act, input: { what: hotel }, retry: { attempts: 1 },
        compensate: { tool: act, input: { what: cancel-hotel }, retry: { attempts: 1 } } }
    - { id: flight, kind: tool, tool: act, dependsOn: [hotel], input: { what: flight }, retry: { attempts: 1 } }
---
kind: Workflow
name: patient
spec:
  input: { type: object, properties: { order: { type: string } }, required: [order] }
  steps:
    - { id: paid, kind: wait, event: { type: order.paid, publisher: shop, match: $.data.order, equals: $.input.order } }
---
kind: Workflow
name: plain
spec:
  steps:
    - { id: hotel, kind: tool, tool: act, input: { what: hotel }, retry: { attempts: 1 } }
    - { id: flight, kind: tool, tool: act, dependsOn: [hotel], input: { what: flight }, retry: { attempts: 1 } }
`;

before(async () => {
  const root = mkdtempSync(join(tmpdir(), "meshctl-runs-"));
  stack.defer(() => rmSync(root, { recursive: true, force: true }));
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { what } = JSON.parse(body);
    const isRefused = refused.has(what);
    if (!isRefused) done.push(what);
    response.writeHead(isRefused ? 422 : 200, { "content-type": "application/json" }).end(JSON.stringify({ what }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stack.defer(() => void server.close());
  const { port } = server.address() as AddressInfo;
  mesh = stack.use(await startMesh({ root, quiet: true, env: { HTTP_TOOLS_ALLOW_PRIVATE_NETWORKS: "true" } }));
  run = stack.use(meshctl());
  const login = ["login", "--address", mesh.gatewayAddress, "--tenant", mesh.tenant, "--username", mesh.adminUsername];
  const signedIn = await run.with({ env: { AGENTMESH_PASSWORD: mesh.adminPassword } }, ...login);
  assert.equal(signedIn.code, 0, signedIn.err);
  client = stack.use(connect({ address: mesh.gatewayAddress }));
  const { tenant, adminUsername: username, adminPassword: password } = mesh;
  client.setToken((await client.auth.signIn({ tenant, username, password })).accessToken);
  const file = join(run.home, "flow.yaml");
  writeFileSync(file, resources(`http://127.0.0.1:${port}`));
  await ok("apply", "-f", file);
});
after(() => stack.disposeAsync());

async function ok(...args: string[]): Promise<string> {
  const { code, out, err } = await run(...args);
  assert.equal(code, 0, `meshctl ${args.join(" ")}: ${err}${out}`);
  return out;
}

async function start(workflow: string, input: object = {}): Promise<string> {
  return (await ok("run", `workflow/${workflow}`, "--input", JSON.stringify(input))).trim();
}

/** Asked by the library: a process a look would take longer than what is waited for. */
async function until(id: string, what: string, holds: (run: Run) => boolean): Promise<void> {
  await eventually(async () => holds(await client.orchestrator.getRun({ id })), { what: `run ${id}: ${what}` });
}

async function runIn(id: string, state: Run["state"]): Promise<void> {
  await until(id, state, (run) => run.state === state);
}

function isIn(run: Run, node: string, state: Step["state"]): boolean {
  return run.steps.some((step) => step.node === node && step.state === state);
}

test("a run that asks: picture, what is asked, a decision about exactly that, and its items", async () => {
  const id = await start("flow", { amount: 120, list: ["a", "b", "c"] });
  await until(
    id,
    "to ask",
    (found) => isIn(found, "sure", StepState.WAITING) && isIn(found, "each", StepState.SUCCEEDED),
  );
  const waiting = await ok("describe", "run", id);
  assert.match(waiting, /✓ +size +succeeded/);
  assert.match(waiting, /[◐].* sure +waiting .*waits for a decision/);
  assert.match(waiting, /○.* pay +pending/);
  assert.match(waiting, /each +succeeded .*3 of 3 done/);
  assert.match(waiting, /sure {2}approval: Pay it\? .* hash [0-9a-f]{64}\n {4}amount: 120\n {2}meshctl approve /);
  const mermaid = await ok("describe", "run", id, "-o", "mermaid");
  assert.match(mermaid, /^flowchart TD\n {2}s0\["<b>size<\/b><br\/>branch · succeeded"\]:::succeeded\n/);
  assert.match(mermaid, /s0 -- "large" --> s1/);
  assert.match(mermaid, /s3 --> s4/);
  assert.match(await ok("approvals"), new RegExp(`^${id}/sure +pending +flow .*Pay it\\?$`, "m"));
  assert.match(await ok("approvals", "--state", "rejected"), /no approvals/);

  const unseen = await run("approve", `${id}/sure`);
  assert.deepEqual([unseen.code, /say --hash HASH/.test(unseen.err)], [2, true]);
  const other = await run("approve", `${id}/sure`, "--hash", "0".repeat(64));
  assert.equal(other.code, 1);
  assert.match(other.err, /look at it before you decide/);
  const { approvals } = JSON.parse(await ok("approvals", "--json"));
  const hash = approvals[0].argsHash;
  const approved = await ok("approve", `${id}/sure`, "--hash", hash, "--comment", "fine");
  assert.match(approved, /asked +Pay it\?[\s\S]*amount: 120[\s\S]*\/sure is approved\.\n$/);
  const late = await run("reject", id, "sure", "--yes");
  assert.equal(late.code, 1);
  assert.match(late.err, /sure is approved by user:…[0-9a-f]{8} at [\d:]+ \(fine\); an approval is decided once/);
  assert.equal((await run("approve", `${id}/nothing`, "--yes")).code, 1);

  assert.match(await ok("watch", "run", id), /◐ sure +asks: Pay it\?.*\n[\s\S]*✓ sure +approved by .*: fine\n/);
  assert.match(await ok("steps", id, "each", "--state", "succeeded"), /^each#2 +succeeded +1 .*\{"n":"b"\}$/m);
  assert.match(await ok("steps", id, "each#3"), /^step +each#3\n[\s\S]*input\n {2}n: c\n/);
  assert.match(await ok("describe", "run", id), /all +succeeded/);
  assert.equal((await run("steps", id, "each#x")).code, 2);
});

test("a run is paused and goes on; one that is cancelled is retried", async () => {
  const id = await start("flow", { amount: 500, list: [] });
  await until(id, "to ask", (found) => isIn(found, "sure", StepState.WAITING));
  assert.match(await ok("pause", "run", id, "--reason", "lunch"), /is paused; it goes on with: meshctl resume/);
  assert.match(await ok("describe", "run", id), /run {2}paused: nothing new begins[\s\S]*meshctl resume /);
  assert.match(await ok("runs", "--limit", "1"), /paused/);
  assert.match(await ok("resume", id), /is running/);
  await ok("cancel", id, "--reason", "changed my mind");
  await runIn(id, RunState.CANCELLED);
  assert.match(await ok("describe", "run", id), /meshctl retry .*\n.*meshctl rerun /);
  assert.match(await ok("retry", id), /is running; follow it/);
  await until(id, "to ask again", (found) => isIn(found, "sure", StepState.WAITING));
  const { approvals } = JSON.parse(await ok("approvals", "--run", id, "--json"));
  await ok("reject", `${id}/sure`, "--hash", approvals[0].argsHash, "--comment", "too much");
  await runIn(id, RunState.FAILED);
  const { code, out } = await run("watch", id);
  assert.equal(code, 1);
  assert.match(out, /‖ paused by [\s\S]*▸ goes on by [\s\S]*✗ sure +rejected by .*: too much/);
});

test("what failed is gone on with, and a run is repeated with other input", async () => {
  refused.add("flight");
  done.length = 0;
  const id = await start("plain");
  await runIn(id, RunState.FAILED);
  refused.clear();
  assert.match(await ok("retry", id, "--watch"), /↻ goes on by .* from flight\n[\s\S]*succeeded /);
  assert.deepEqual(done, ["hotel", "flight"]);
  const wrong = await run("retry", id);
  assert.match(wrong.err, /only one that failed or was cancelled can be retried/);
  const first = await start("flow", { amount: 5, list: [1] });
  await runIn(first, RunState.SUCCEEDED);
  const again = (await ok("rerun", first, "--input", '{"amount":7}', "--from", "pay")).trim();
  await runIn(again, RunState.SUCCEEDED);
  assert.match(await ok("describe", "run", again), /origin +rerun:[\s\S]*paid: 7/);
});

test("a run that waits for an event says for which", async () => {
  const id = await start("patient", { order: "O-1" });
  await until(id, "to wait", (found) => isIn(found, "paid", StepState.WAITING));
  assert.match(
    await ok("describe", "run", id),
    /paid {2}waits for the event order\.paid of shop, whose \$\.data\.order is O-1\n/,
  );
  assert.match(await ok("cancel", id), /is cancelled/);
});

test("what cannot be undone waits, says so, and a person resolves it", async () => {
  refused.add("flight").add("cancel-hotel");
  done.length = 0;
  const id = await start("book");
  await until(id, "its undo to give up", (found) => isIn(found, "hotel~undo", StepState.IN_DOUBT));
  const stuck = await ok("describe", "run", id);
  assert.match(stuck, /^state +compensating$/m);
  assert.match(stuck, /↩ undo hotel +in_doubt/);
  assert.match(stuck, /undo hotel {2}its undo gave up \(.*\n {4}what: cancel-hotel\n/);
  refused.clear();
  assert.match(await ok("resolve", `${id}/hotel~undo`, "retry"), /hotel~undo: retry\. .* is compensating/);
  await runIn(id, RunState.FAILED);
  assert.deepEqual(done, ["hotel", "cancel-hotel"]);
  const text = await ok("describe", "run", id);
  assert.match(text, /what it did was undone\n {2}meshctl rerun /);
  assert.match(await ok("describe", "run", id, "-o", "mermaid"), /s0 -\.-> s2/);
  const over = await run("resolve", `${id}/hotel`, "succeed", "--output", "{}");
  assert.match(over.err, /only one in doubt can be resolved/);
  assert.equal((await run("resolve", `${id}/hotel`, "done")).code, 2);
});
