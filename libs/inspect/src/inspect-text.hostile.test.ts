import assert from "node:assert/strict";
import { test } from "node:test";
import { inspectText } from "./inspect-text.ts";
import { defaultPolicy } from "./policy.ts";

// Each repeats what makes one recogniser begin, again and again, without ever ending well.
const seeds = [
  "1",
  "4111 1111 1111 1111 ",
  "4 1 1 1 ",
  "4   1   1   ",
  "4111.",
  "1-",
  "a@",
  "@",
  "a.",
  "a@b.co ",
  `x@${"a.".repeat(120)}1`,
  ":",
  "1:",
  "1.1.1.1.",
  "sk-",
  "sk-aaaaaaaaaaaaaaaaaaaaaaaaaa.",
  "eyJaaaaaaaa.",
  "-----BEGIN ",
  "-----BEGIN PRIVATE KEY-----",
  "token=",
  "token:a1",
  "DE89 ",
  "ssn 123456789 ",
  "call 1234567 ",
  "(415) ",
  "+1",
];
const shortLength = 125_000;
const growth = 8;
/** Quadratic work would grow 64-fold; between 8 and this lies what a busy machine adds. */
const mostGrowth = 40;
/** Under this a measurement says nothing about growth. */
const measurableMs = 15;
/** Ten times the goal for 1 MB, for slow and busy machines. */
const mostMs = 2_000;

for (const seed of seeds) {
  test(`1 MB of ${JSON.stringify(seed.slice(0, 30))} is inspected in linear time`, () => {
    const short = seed.repeat(Math.ceil(shortLength / seed.length)).slice(0, shortLength);
    const shortMs = Math.min(inspectMs(short), inspectMs(short), inspectMs(short));
    const longMs = inspectMs(short.repeat(growth));
    assert.ok(longMs < mostMs, `took ${longMs} ms, expected less than ${mostMs} ms`);
    if (shortMs < measurableMs) return;
    assert.ok(longMs < shortMs * mostGrowth, `8 times the text took ${longMs / shortMs} times as long`);
  });
}

function inspectMs(text: string): number {
  const start = performance.now();
  inspectText(text, defaultPolicy);
  return performance.now() - start;
}
