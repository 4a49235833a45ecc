// Identities of publishers, from the command line to the runs that their events start: with the real mesh.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eventually } from "@agentmesh/harness";
import { type RunningMesh, startMesh } from "@agentmesh/local";
import { jetstream } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import { inherited } from "./config.ts";
import { type Meshctl, meshctl } from "./meshctl.ts";

const resources = `
kind: ServiceAccount
name: desk
spec: { displayName: Desk, department: support, roles: [operator] }
---
kind: Tool
name: echo
spec: { description: Answers its arguments, effect: read, parameters: { type: object }, source: { type: identity } }
---
kind: Workflow
name: note
spec:
  steps: [{ id: a, kind: tool, tool: echo, input: { got: $.input } }]
---
kind: Trigger
name: tickets
spec: { event: { type: ticket.opened, publisher: helpdesk }, workflow: note, runAs: desk }
---
kind: Trigger
name: orders
spec: { event: { type: order.placed, publisher: shop }, workflow: note, runAs: desk }
`;

const checkout = fileURLToPath(new URL("../../../", import.meta.url));
const stack = new AsyncDisposableStack();
let mesh: RunningMesh;
let run: Meshctl;
let root: string;

before(async () => {
  root = mkdtempSync(join(tmpdir(), "meshctl-publishers-"));
  stack.defer(() => rmSync(root, { recursive: true, force: true }));
  mesh = stack.use(await startMesh({ root, quiet: true }));
  run = stack.use(meshctl());
  const login = ["login", "--address", mesh.gatewayAddress, "--tenant", mesh.tenant, "--username", mesh.adminUsername];
  assert.equal((await run.with({ env: { AGENTMESH_PASSWORD: mesh.adminPassword } }, ...login)).code, 0);
  const file = join(run.home, "resources.yaml");
  writeFileSync(file, resources);
  await ok("apply", "-f", file);
});
after(() => stack.disposeAsync());

async function ok(...args: string[]): Promise<string> {
  const { code, out, err } = await run(...args);
  assert.equal(code, 0, `meshctl ${args.join(" ")}: ${err}${out}`);
  return out;
}

/** On the mesh of this test; AGENTMESH_PUBLISHERS says the same. */
async function publisher(...args: string[]): Promise<string> {
  return ok("publisher", ...args, "--file", join(root, "nats/publishers.yaml"));
}

async function withSeed(seed: string): Promise<NatsConnection> {
  const { host } = new URL(mesh.natsUrl);
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(seed.trim()));
  return await connect({ servers: host, authenticator, reconnect: false });
}

type Event = { id: string; source?: string; type: string; subject?: string };

async function send(nc: NatsConnection, { id, source = "test", type, subject = `evt.${type}.${id}` }: Event) {
  const attributes = headers();
  const given = { "ce-specversion": "1.0", "ce-id": id, "ce-source": source, "ce-type": type };
  for (const [name, value] of Object.entries(given)) attributes.set(name, value);
  await jetstream(nc, { timeout: 2_000 }).publish(subject, JSON.stringify({ id }), { headers: attributes });
}

async function runsOf(id: string): Promise<{ origin: string }[]> {
  const { runs }: { runs: { origin: string }[] } = JSON.parse(await ok("runs", "--workflow", "note", "--json"));
  return runs.filter(({ origin }) => origin.endsWith(`:${id}`));
}

async function started(id: string): Promise<{ origin: string }> {
  const found = await eventually(async () => (await runsOf(id))[0], { what: `a run of ${id}`, timeoutMs: 20_000 });
  return found;
}

async function rejectionOf(id: string): Promise<string> {
  const found = await eventually(
    async () => {
      const { rejections }: { rejections: { eventId: string; code: string }[] } = JSON.parse(
        await ok("rejections", "--json"),
      );
      return rejections.find(({ eventId }) => eventId === id);
    },
    { what: `a rejection of ${id}`, timeoutMs: 20_000 },
  );
  return found.code;
}

test("a key is issued while the mesh runs, and what its holder publishes starts a run", async () => {
  const file = join(run.home, "shop.nk");
  const said = await publisher("issue", "shop", "--type", "order.placed", "--out", file);
  assert.match(said, /^U[A-Z2-7]{55} is in .*shop\.nk\.$/m);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const seed = readFileSync(file, "utf8");
  for (const kept of ["publishers.yaml", "publishers.conf", "nats-server.conf"]) {
    assert.equal(readFileSync(join(root, "nats", kept), "utf8").includes(seed.trim()), false, kept);
  }
  const shop = await withSeed(seed);
  await send(shop, { id: "o-1", type: "order.placed" });
  assert.match((await started("o-1")).origin, /^trigger:orders:/);
  await assert.rejects(send(shop, { id: "t-0", type: "ticket.opened" }), "it is limited to order.placed");
  await shop.close();
  const again = await run("publisher", "issue", "desk", "--out", file, "--file", join(root, "nats/publishers.yaml"));
  assert.deepEqual([again.code, readFileSync(file, "utf8")], [2, seed], "a file that is there is not written over");
});

test("the program of docs/publish-events.md publishes as it is written", async () => {
  const page = readFileSync(join(checkout, "docs/publish-events.md"), "utf8");
  const [, program = ""] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
  symlinkSync(join(checkout, "libs/client/node_modules"), join(run.home, "node_modules"));
  writeFileSync(join(run.home, "publish.ts"), program);
  const env = { ...inherited(), NATS_ADDRESS: new URL(mesh.natsUrl).host };
  const { stdout } = await promisify(execFile)(process.execPath, ["publish.ts"], { cwd: run.home, env });
  assert.match(stdout, /^EVENTS \d+\n$/);
  await started("o-8");
});

test("headers forge nothing: neither another's source and id, nor a type that the key does not allow", async () => {
  const file = join(run.home, "shop.nk");
  const shop = await withSeed(readFileSync(file, "utf8"));
  const forged = { id: "t-1", source: "https://helpdesk.example", type: "order.placed" };
  await send(shop, forged);
  assert.match((await started("t-1")).origin, /^trigger:orders:/, "it is an order of the shop, whatever it says");
  await send(shop, { id: "o-2", type: "ticket.opened", subject: "evt.order.placed.o-2" });
  assert.equal(await rejectionOf("o-2"), "TYPE_MISMATCH");
  assert.deepEqual(await runsOf("o-2"), []);
  const { username, password, host } = new URL(mesh.publisherUrl);
  const desk = await connect({ servers: host, user: username, pass: password, reconnect: false });
  await send(desk, { ...forged, type: "ticket.opened" });
  await eventually(async () => (await runsOf("t-1")).some(({ origin }) => origin.startsWith("trigger:tickets:")), {
    what: "the desk's own event with that source and id",
    timeoutMs: 20_000,
  });
  await Promise.all([shop.close(), desk.close()]);
});

test("a password is followed by a key; rotation overlaps; what is revoked is cut off, and nobody else", async () => {
  const { username, password, host } = new URL(mesh.publisherUrl);
  const old = await connect({ servers: host, user: username, pass: password, reconnect: false });
  const fresh = await withSeed(await publisher("rotate", "helpdesk"));
  await send(old, { id: "t-2", type: "ticket.opened" });
  await send(fresh, { id: "t-3", type: "ticket.opened" });
  const full = await run("publisher", "rotate", "helpdesk", "--file", join(root, "nats/publishers.yaml"));
  assert.match(full.err, /has two keys; revoke --old ends the older one first/);

  const closed = old.closed().then(() => performance.now());
  const said = await publisher("revoke", "helpdesk", "--old");
  const doneAt = performance.now();
  assert.match(said, /^acme\.helpdesk: password is revoked, at nats:\/\/127\.0\.0\.1:\d+ since now\.$/m);
  assert.ok((await closed) - doneAt < 1_000);
  await assert.rejects(connect({ servers: host, user: username, pass: password, reconnect: false }));
  await send(fresh, { id: "t-4", type: "ticket.opened" });
  for (const id of ["t-2", "t-3", "t-4"]) await started(id);
  await fresh.close();
  for (const { name } of mesh.services) {
    assert.doesNotMatch(readFileSync(mesh.logFileOf(name), "utf8"), /NATS connection lost/, name);
  }
});

test("the list says who may publish what; a publisher without a key stays in it", async () => {
  await publisher("issue", "guest", "--tenant", "beta");
  await publisher("revoke", "beta.guest");
  const list = await publisher("list");
  assert.match(list, /^acme\.helpdesk +U[A-Z2-7]{55} +[\d:]+ +every type$/m);
  assert.match(list, /^acme\.shop +U[A-Z2-7]{55} +[\d:]+ +order\.placed$/m);
  assert.match(list, /^beta\.guest +revoked +every type$/m);
  const unknown = await run("publisher", "revoke", "nobody", "--file", join(root, "nats/publishers.yaml"));
  assert.deepEqual(
    [unknown.code, /there is no publisher acme\.nobody; there are: acme\.helpdesk/.test(unknown.err)],
    [1, true],
  );
  assert.equal(existsSync(join(root, "nats/publishers.yaml.lock")), false);
});

test("mesh and publishers come back as they were", async () => {
  await mesh.stop();
  const again = stack.use(await startMesh({ root, quiet: true }));
  assert.equal(again.publisherUrl, "", "the revoked password stays revoked");
  const shop = await withSeed(readFileSync(join(run.home, "shop.nk"), "utf8"));
  await jetstream(shop).publish("evt.order.placed.o-9", "{}");
  await shop.close();
});
