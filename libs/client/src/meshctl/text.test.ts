import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { kindOf } from "./kind-name.ts";
import { diffLines, hunks } from "./line-diff.ts";
import { findLocalMesh } from "./local-mesh.ts";
import { count, percent, usd } from "./money.ts";
import { nearest } from "./nearest.ts";
import type { Output } from "./output.ts";
import { oneLine, printable } from "./printable.ts";
import { shortSubject } from "./subject.ts";
import { printTable } from "./table.ts";
import { duration, when } from "./time.ts";

test("money is dollars, exact to what matters", () => {
  const cases: [bigint, string][] = [
    [0n, "$0"],
    [400n, "<$0.000001"],
    [1_500n, "$0.000002"],
    [149_000n, "$0.000149"],
    [999_999_400n, "$0.999999"],
    [1_000_000_000n, "$1.00"],
    [1_234_567_890_000n, "$1,234.57"],
    [-2_000_000_000n, "-$2.00"],
  ];
  for (const [nano, text] of cases) assert.equal(usd(nano), text);
  assert.deepEqual([count(999), count(1000n), count(1234567)], ["999", "1,000", "1,234,567"]);
  assert.deepEqual([0, 0.0001, 0.123, 0.9996].map(percent), ["0 %", "<0.1 %", "12.3 %", "100 %"]);
});

test("times are as short as they are clear", () => {
  const now = new Date(2026, 10, 20, 15, 4, 5);
  assert.equal(when(new Date(2026, 10, 20, 9, 0, 1), now), "09:00:01");
  assert.equal(when(new Date(2026, 10, 18, 15, 4), now), "Nov 18 15:04");
  assert.equal(when(new Date(2025, 0, 2), now), "2025-01-02");
  assert.equal(when(undefined, now), "");
  const texts = [840, 2_410, 24_100, 187_000, 3_600_000, 8_100_000, 90_000 * 3_600].map(duration);
  assert.deepEqual(texts, ["840 ms", "2.41 s", "24.1 s", "3m07s", "1h", "2h15m", "3d18h"]);
});

test("the nearest word is the one that was meant, and none when nothing is near", () => {
  const words = ["apply", "api", "runs", "run", "describe"];
  assert.deepEqual(
    ["aply", "rnus", "desc", "frobnicate", "x"].map((word) => nearest(word, words)),
    ["apply", "runs", "describe", undefined, undefined],
  );
});

test("kinds are understood as people write them", () => {
  const words = ["Agent", "agents", "data-policies", "slatargets", "PRICE", "service_account"];
  assert.deepEqual(words.map(kindOf), ["Agent", "Agent", "DataPolicy", "SlaTarget", "Price", "ServiceAccount"]);
  assert.throws(() => kindOf("workflw"), /there is no kind "workflw".*Did you mean Workflow\?/);
});

test("a diff keeps what stays, and hunks leave out what is far from a change", () => {
  const before = ["a", "b", "c", "d", "e", "f", "g"];
  const after = ["a", "b", "c", "d", "e", "F", "g", "h"];
  const text = diffLines(before, after).map(({ sign, text }) => `${sign}${text}`);
  assert.deepEqual(text, [" a", " b", " c", " d", " e", "-f", "+F", " g", "+h"]);
  const shown = hunks(diffLines(before, after), 1).map((line) => (line ? line.sign + line.text : "…"));
  assert.deepEqual(shown, [" e", "-f", "+F", " g", "+h"]);
  assert.deepEqual(hunks(diffLines(before, before)), []);
});

test("what others wrote cannot move the cursor; colours stay", () => {
  assert.equal(printable("a\u001b[2Jb\u0007\u202e\r\nc\t\u001b[31md\u001b[39m"), "a[2Jb\nc\t\u001b[31md\u001b[39m");
  assert.equal(oneLine("  two\n lines "), "two lines");
  assert.equal(shortSubject("user:01a1f999-5b3b-7000-90d5-77186173a0f3 → agent:x"), "user:…6173a0f3 → agent:x");
});

test("a table's columns are as wide as they must be, and the last one as wide as the terminal lets it", () => {
  const lines: string[] = [];
  const nothing = () => undefined;
  const out: Output = {
    json: false,
    columns: 24,
    line: (text = "") => void lines.push(text),
    write: nothing,
    note: nothing,
    paint: (_style, text) => text,
    answer: nothing,
    each: nothing,
  };
  printTable(
    out,
    ["NAME", ">COST", "NOTE"],
    [
      ["a", "$1", "what is too long is cut"],
      ["bcdef", "$10", ""],
    ],
    "",
  );
  assert.deepEqual(lines, ["NAME   COST  NOTE", "a        $1  what is too…", "bcdef   $10"]);
});

test("a local mesh is where its run file says; without one there is none", () => {
  const root = mkdtempSync(join(tmpdir(), "local-mesh-"));
  try {
    assert.equal(findLocalMesh(root), undefined);
    writeFileSync(join(root, "run.json"), JSON.stringify({ gatewayAddress: "127.0.0.1:7100" }));
    assert.deepEqual(findLocalMesh(root), { gatewayAddress: "127.0.0.1:7100", password: undefined });
    writeFileSync(join(root, "secrets.json"), JSON.stringify({ adminPassword: "pw" }));
    assert.equal(findLocalMesh(root)?.password, "pw");
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
