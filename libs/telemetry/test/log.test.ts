import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

type Line = Record<string, unknown> & { msg: string };

const output = execFileSync(process.execPath, [join(import.meta.dirname, "log-lines.ts")], { encoding: "utf8" });
const lines = output.trim().split("\n");

function line(msg: string): Line {
  const found = lines.map((each): Line => JSON.parse(each)).find((each) => each.msg === msg);
  return found ?? assert.fail(`no line "${msg}" in ${output}`);
}

test("a line is JSON with service, environment, version, level and ISO time; below the level nothing is written", () => {
  const { time, ...rest } = line("plain");
  assert.deepEqual(rest, {
    level: "info",
    service: "cost",
    environment: "test",
    version: "1.2.3",
    count: 3,
    at: "1970-01-01T00:00:00.000Z",
    msg: "plain",
  });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.equal(output.includes("not shown"), false);
});

test("no secret and no personal text is written, at any depth, in children and in errors", () => {
  for (const each of lines) assert.equal(each.includes("hunter2"), false, each);
  for (const msg of ["top", "one level down", "deep down"]) assert.match(JSON.stringify(line(msg)), /"seen"/);
  assert.equal(line("child").runId, "r1");
  assert.match(JSON.stringify(line("in a circle")), /\[too deep\]/);
});

test("an error keeps its type, message, stack and cause", () => {
  const { error } = line("error");
  assert.match(JSON.stringify(error), /"type":"Error","message":"it broke: the cause","stack":".*log-lines\.ts/);
});

test("inside a span a line carries its ids", () => {
  const { expected, trace_id, span_id } = line("in a span");
  assert.ok(typeof expected === "object" && expected !== null && "traceId" in expected && "spanId" in expected);
  assert.deepEqual([trace_id, span_id], [expected.traceId, expected.spanId]);
  assert.equal("trace_id" in line("plain"), false);
});
