import assert from "node:assert/strict";
import { test } from "node:test";
import { type Moment, mentions } from "./moment.ts";
import { natsProtocol } from "./nats-protocol.ts";
import { postgresProtocol } from "./postgres-protocol.ts";
import type { Splitter } from "./tcp-proxy.ts";

/** Every way in which the bytes may come: at once, and one by one. */
function split(splitter: Splitter, bytes: Buffer, size: number): { moments: Moment[]; passed: Buffer } {
  const segments = [];
  for (let at = 0; at < bytes.length; at += size) segments.push(...splitter(bytes.subarray(at, at + size)));
  return {
    moments: segments.flatMap(({ moment }) => moment ?? []),
    passed: Buffer.concat(segments.map((segment) => segment.bytes)),
  };
}

function message(type: string, body: string): Buffer {
  const bytes = Buffer.alloc(5 + Buffer.byteLength(body));
  bytes.write(type, 0);
  bytes.writeInt32BE(bytes.length - 1, 1);
  bytes.write(body, 5);
  return bytes;
}

const startup = Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0]);

for (const size of [1, 7, 100_000]) {
  test(`PostgreSQL's messages in pieces of ${size}: a commit knows what its transaction sent, and no other`, () => {
    const { fromClient, fromServer } = postgresProtocol("o")();
    const client = Buffer.concat([
      startup,
      message("Q", "SELECT 'before'\0"),
      message("P", "s1\0UPDATE run SET x = $1\0"),
      message("Q", "BEGIN\0"),
      message("B", "\0s1\0 marked \0"),
      message("Q", "COMMIT\0"),
      message("Q", "BEGIN\0"),
      message("Q", "ROLLBACK\0"),
    ]);
    const sent = split(fromClient, client, size);
    assert.deepEqual(sent.passed, client);
    assert.deepEqual(
      sent.moments.map(({ at, process }) => [at, process]),
      [["commit", "o"]],
    );
    const [commit] = sent.moments;
    assert.ok(commit && mentions(commit, "marked") && mentions(commit, "UPDATE run") && !mentions(commit, "before"));
    const server = Buffer.concat([message("C", "BEGIN\0"), message("C", "COMMIT\0"), message("Z", "I")]);
    const answered = split(fromServer, server, size);
    assert.deepEqual(answered.passed, server);
    assert.deepEqual(
      answered.moments.map(({ at }) => at),
      ["committed"],
    );
    assert.ok(answered.moments.every((moment) => mentions(moment, "marked")));
  });

  test(`NATS' messages in pieces of ${size}: payloads that look like lines, and acknowledgements of what was published`, () => {
    const { fromClient, fromServer } = natsProtocol("r")();
    const client = Buffer.from(
      "PING\r\nPUB wf.step.acme _INBOX.1 7\r\nPING\r\nx\r\nHPUB evt.a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
    );
    const sent = split(fromClient, client, size);
    assert.deepEqual(sent.passed, client);
    assert.deepEqual(
      sent.moments.map(({ at, name }) => [at, name]),
      [
        ["publish", "wf.step.acme"],
        ["publish", "evt.a"],
      ],
    );
    const server = Buffer.from('MSG wf.step.acme 1 $JS.ACK.x 2\r\nab\r\nMSG _INBOX.1 2 11\r\n{"seq": 12}\r\n+OK\r\n');
    const got = split(fromServer, server, size);
    assert.deepEqual(got.passed, server);
    assert.deepEqual(
      got.moments.map(({ at, name, said }) => [at, name, String(said[0])]),
      [
        ["deliver", "wf.step.acme", "ab"],
        ["published", "wf.step.acme", "PING\r\nx"],
      ],
    );
  });
}
