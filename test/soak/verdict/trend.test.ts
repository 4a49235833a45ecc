import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "../random.ts";
import { type Point, trendOf } from "./trend.ts";

const mb = 1024 * 1024;
const minuteMs = 60_000;
const boundMbPerH = 10;

/** 30 minutes of a fake service: it warms up for 10, wavers by 2 MB, and keeps so much of each request at 30/s. */
function fakeService(leakedBytesPerRequest: number, seed = 1): Point[] {
  const random = seeded(seed);
  return Array.from({ length: 30 }, (_, minute) => {
    const warm = 40 * mb * (1 - Math.exp(-minute / 4));
    const leaked = minute * 60 * 30 * leakedBytesPerRequest;
    return { atMs: minute * minuteMs, bytes: 30 * mb + warm + leaked + (random() - 0.5) * 2 * mb };
  });
}

test("a service that keeps 300 bytes of each request is found out, whatever the noise", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const { verdict, slopeMbPerH } = trendOf(fakeService(300, seed), boundMbPerH);
    assert.equal(verdict, "leaks", `seed ${seed}: ${slopeMbPerH} MB/h`);
  }
});

test("one that keeps nothing is never said to leak, and one that keeps a little is within the bound", () => {
  for (let seed = 1; seed <= 50; seed++) {
    assert.notEqual(trendOf(fakeService(0, seed), boundMbPerH).verdict, "leaks", `seed ${seed}`);
  }
  const straight = Array.from({ length: 30 }, (_, at) => ({ atMs: at * minuteMs, bytes: at * 0.1 * mb }));
  const { slopeMbPerH, noiseMbPerH, verdict } = trendOf(straight, boundMbPerH);
  assert.deepEqual([slopeMbPerH.toFixed(3), noiseMbPerH.toFixed(3), verdict], ["6.000", "0.000", "within bound"]);
});

test("what falls is flat, and few points tell nothing", () => {
  const falling = Array.from({ length: 30 }, (_, at) => ({ atMs: at * minuteMs, bytes: (100 - at) * mb }));
  assert.equal(trendOf(falling, boundMbPerH).verdict, "flat");
  assert.equal(trendOf(falling.slice(0, 8), boundMbPerH).verdict, "too short");
});
