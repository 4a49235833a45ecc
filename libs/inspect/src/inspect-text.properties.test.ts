import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constantFrom, integer, property, string, tuple } from "fast-check";
import { inspectText } from "./inspect-text.ts";
import { defaultPolicy } from "./policy.ts";
import { findCards, passesLuhn } from "./recognise/card.ts";

const runs = { numRuns: 2_000 };

const visa = array(integer({ min: 0, max: 9 }), { minLength: 14, maxLength: 14 }).map((digits) => {
  const head = `4${digits.join("")}`;
  return head + Array.from("0123456789").find((digit) => passesLuhn(head + digit));
});
const grouping = constantFrom("", " ", "-", ".", " - ", "\u00a0");
const printedCard = tuple(visa, grouping).map(([digits, separator]) => (digits.match(/.{4}/g) ?? []).join(separator));
// Made of what the recognisers look at, so that near misses are common.
const noise = array(
  constantFrom(
    " ",
    "-",
    ".",
    ":",
    "@",
    "=",
    "+",
    "(",
    ")",
    "4",
    "1",
    "0",
    "9",
    "DE89",
    "sk-",
    "ssn",
    "token",
    "eyJ",
    "a.b",
    "é",
    "😀",
  ),
  { maxLength: 30 },
).map((parts) => parts.join(""));
const word = constantFrom("pay ", "card:", "é", "(", '"', "\n", "x", "a.b@c.de, ", "😀");
const after = constantFrom("", ".", ")", " exp 12/28", ", thanks", "\n", "€", "y");

test("a redacted text holds no card any more", async () => {
  const text = array(tuple(noise, printedCard, noise), { minLength: 1, maxLength: 4 });
  await check(
    property(text, (parts) => {
      const { redacted } = inspectText(parts.flat().join(""), defaultPolicy);
      assert.deepEqual(findCards(redacted), []);
    }),
    runs,
  );
});

test("a card between words is found whatever its separators, and only its last four digits stay", async () => {
  await check(
    property(tuple(word, printedCard, after), ([before, card, behind]) => {
      const { redacted } = inspectText(before + card + behind, defaultPolicy);
      assert.equal(redacted, `${before}[card ****${card.slice(-4)}]${behind}`);
    }),
    runs,
  );
});

test("findings are in order, disjoint, inside the text, and cover exactly what is replaced", async () => {
  await check(
    property(tuple(noise, printedCard, noise, string()), (parts) => {
      const text = parts.join("");
      const { findings, redacted } = inspectText(text, defaultPolicy);
      let from = 0;
      let rest = redacted;
      for (const finding of findings) {
        assert.ok(finding.start >= from && finding.end > finding.start && finding.end <= text.length);
        const between = text.slice(from, finding.start);
        assert.ok(rest.startsWith(between));
        rest = rest.slice(between.length);
        const replaced =
          finding.action === "allow" ? text.slice(finding.start, finding.end) : /^\[[^\]]*\]/.exec(rest)?.[0];
        assert.ok(replaced !== undefined && rest.startsWith(replaced));
        rest = rest.slice(replaced.length);
        from = finding.end;
      }
      assert.equal(rest, text.slice(from));
    }),
    runs,
  );
});

test("redacting twice changes nothing more", async () => {
  await check(
    property(tuple(noise, printedCard, noise), (parts) => {
      const once = inspectText(parts.join(""), defaultPolicy).redacted;
      assert.deepEqual(findCards(inspectText(once, defaultPolicy).redacted), []);
    }),
    runs,
  );
});
