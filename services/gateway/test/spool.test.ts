// The spool on a disk that takes only so much: a limit on the size of files stands in for a full one.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { type TestFolder, testFolder } from "@agentmesh/harness";

const run = promisify(execFile);
let folder: TestFolder;
before(() => {
  folder = testFolder();
});
after(() => folder.remove());

const spool = new URL("../src/audit/spool.ts", import.meta.url).href;
const compliance = import.meta.resolve("@agentmesh/proto/compliance");
const script = `
  import { openSpool } from ${JSON.stringify(spool)};
  import { AuditEntry } from ${JSON.stringify(compliance)};
  const none = () => undefined;
  const log = { debug: none, info: none, warn: none, error: none };
  const spool = await openSpool(process.argv.at(-1), log);
  const kept = [];
  let refused = 0;
  for (let at = 0; at < 40; at++) {
    const entry = AuditEntry.fromPartial({ id: "e" + at, reason: "x".repeat(1000) });
    await spool.append([entry]).then(() => kept.push(entry.id), () => refused++);
  }
  const sent = [];
  await spool.replay(async (entries) => void sent.push(...entries.map(({ id }) => id)));
  console.log(JSON.stringify({ kept, refused, sent }));
`;

test("when a write breaks off, the next entry is not written behind half a line, and none that was taken is lost", async () => {
  // Of 512 bytes each: some seven entries a file, and the last of them torn.
  const command = 'ulimit -f 16; exec "$0" --input-type=module-typescript --eval "$1" -- "$2"';
  const { stdout } = await run("sh", ["-c", command, process.execPath, script, folder.dir]);
  const { kept, refused, sent } = JSON.parse(stdout);
  assert.ok(refused > 0 && kept.length > 20, `${kept.length} taken, ${refused} refused`);
  assert.deepEqual(sent, kept);
});
