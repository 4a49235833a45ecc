import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { parseTime } from "./parse-time.ts";

const driver = pg.types.getTypeParser(1184, "text");

test("times are what the driver reads", () => {
  const fractions = ["", ".1", ".12", ".123", ".1234", ".123456", ".000001", ".999999"];
  for (let day = 0; day < 3_000; day += 7) {
    const [text = ""] = new Date(Date.UTC(1970, 0, 1) + day * 86_400_000 * 23 + day * 1_234_567)
      .toISOString()
      .split(".");
    for (const fraction of fractions) {
      const written = `${text.replace("T", " ")}${fraction}+00`;
      assert.equal(parseTime(written).getTime(), driver(written).getTime(), written);
    }
  }
});

test("what is not in UTC, or no usual year, is read as well", () => {
  for (const text of [
    "2026-11-20 10:00:00+02",
    "2026-11-20 10:00:00.5-03:30",
    "0044-03-15 12:00:00+00 BC",
    "12026-01-01 00:00:00+00",
  ]) {
    assert.equal(parseTime(text).getTime(), driver(text).getTime(), text);
  }
  assert.equal(Number(parseTime("infinity")), Number.POSITIVE_INFINITY);
});
