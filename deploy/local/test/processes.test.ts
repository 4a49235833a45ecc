import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isAtLeast } from "@agentmesh/local/find-server";
import { isSameProcess, processMark, withFileLock } from "@agentmesh/processes";
import { readStartOptions } from "../commands/start-options.ts";
import { openPortBlock } from "../processes/ports.ts";
import { openSecrets } from "../provision/secrets.ts";

test("versions compare by number, part by part", () => {
  assert.equal(isAtLeast("2.10.0", "2.9.10"), true);
  assert.equal(isAtLeast("2.9.9", "2.9.10"), false);
  assert.equal(isAtLeast("15.18", "15"), true);
  assert.equal(isAtLeast("", "7.0"), false);
});

test("two blocks never share a port, and a block comes back with the ports it had", async (t) => {
  const dir = folder(t);
  const open = (name: string) => openPortBlock({ stateFile: join(dir, name), fixed: new Map(), firstBase: 14_100 });
  const one = await open("one.json");
  const two = await open("two.json");
  assert.notEqual(one.base, two.base);
  await two.take("first");
  const port = await two.take("gateway.http");
  two.save();
  two[Symbol.dispose]();
  one[Symbol.dispose]();
  const again = await open("two.json");
  assert.equal(again.base, two.base);
  assert.equal(await again.take("gateway.http"), port);
  again[Symbol.dispose]();
});

test("a process is its pid and its start: another with the same pid is not it", () => {
  const mark = processMark(process.pid);
  assert.ok(mark);
  assert.equal(isSameProcess(process.pid, mark), true);
  assert.equal(isSameProcess(process.pid, "1"), false);
  assert.equal(processMark(2 ** 22 + 1), undefined);
});

test("a lock is exclusive, and one whose holder is dead is taken over", async (t) => {
  const lock = join(folder(t), "lock");
  let inside = 0;
  const work = async () => {
    assert.equal(++inside, 1);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
  };
  await Promise.all([1, 2, 3].map(() => withFileLock(lock, 5_000, work)));
  writeFileSync(lock, JSON.stringify({ pid: process.pid, mark: "of a dead one" }));
  await withFileLock(lock, 5_000, work);
});

test("secrets stay what they are, and a broken file is named", (t) => {
  const root = folder(t);
  const first = openSecrets(root);
  const second = openSecrets(root);
  assert.deepEqual(second.workloadKeys, first.workloadKeys);
  assert.equal(second.adminPassword, first.adminPassword);
  assert.equal(Buffer.from(readFileSync(first.masterKeyFile, "utf8"), "base64").length, 32);
  writeFileSync(join(root, "secrets.json"), "{");
  assert.throws(() => openSecrets(root), /secrets\.json cannot be read.*npm run reset/);
});

test("options of start: what is wrong is said", () => {
  assert.deepEqual(readStartOptions(["--replicas", "orchestrator=2,agent-runner=3"]).replicas, {
    orchestrator: 2,
    "agent-runner": 3,
  });
  assert.equal(readStartOptions(["--once", "--json", "--tickets", "200"]).tickets, 200);
  assert.throws(() => readStartOptions(["--replicas", "orchestrator"]), /expected service=count/);
  assert.throws(() => readStartOptions(["--replicas", "cost=none"]), /whole number above 0/);
  assert.throws(() => readStartOptions(["--json"]), /belongs to --once/);
  assert.throws(() => readStartOptions(["--onec"]), /Unknown option/);
});

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "agentmesh-processes-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
