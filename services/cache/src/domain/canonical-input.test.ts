import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalInput, questionOf } from "./canonical-input.ts";

function ask(text: string): string {
  return canonicalInput(JSON.stringify([{ user: text }]));
}

test("normalising twice is normalising once, for any messages", () => {
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.string(), fc.string({ unit: "grapheme" }))), (messages) => {
      const once = canonicalInput(JSON.stringify(messages));
      assert.equal(canonicalInput(once), once);
    }),
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.equal(canonicalInput(ask(text)), ask(text))));
});

test("the order of members changes nothing, at any depth, in the messages and in data passed as text", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const turned = JSON.stringify(reversed(value));
      assert.equal(canonicalInput(JSON.stringify([value])), canonicalInput(`[${turned}]`));
      if (value !== null && typeof value === "object") assert.equal(ask(JSON.stringify(value, null, 2)), ask(turned));
    }),
  );
});

test("composition, line ends and idle white space change nothing in prose", () => {
  const words = fc.array(fc.stringMatching(/^[a-zäé]{1,8}$/), { minLength: 1, maxLength: 8 });
  const spaces = fc.constantFrom(" ", "  ", "   ", " \t ", "\u00a0");
  fc.assert(
    fc.property(words, spaces, fc.constantFrom("", " ", "\r\n", "\n\n"), (list, space, around) => {
      assert.equal(ask(around + list.join(space).normalize("NFD") + around), ask(list.join(" ")));
    }),
  );
});

test("different words never become one key", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[!-~]{1,12}$/), fc.stringMatching(/^[!-~]{1,12}$/), (a, b) => {
      fc.pre(a !== b && !/^[[{]/.test(a));
      assert.notEqual(ask(a), ask(b));
    }),
  );
});

test("white space stays where it may be what is asked about", () => {
  for (const [a, b] of [
    ["if x:\n  y()\nz()", "if x:\n  y()\n  z()"],
    ["trim `a  b`", "trim `a b`"],
    ['how long is "a  b"', 'how long is "a b"'],
    ['{"a":"x  y"}', '{"a":"x y"}'],
    ["first line\nsecond", "first line second"],
  ] as const) {
    assert.notEqual(ask(a), ask(b), a);
  }
});

test("what JSON.parse would lose is kept as it was written", () => {
  for (const [a, b] of [
    ['{"id":12345678901234567891}', '{"id":12345678901234567890}'],
    ['{"a":1,"a":2}', '{"a":2}'],
    ['{"n":1e-400}', '{"n":0}'],
    ['{"n":1e400}', '{"n":null}'],
  ] as const) {
    assert.notEqual(ask(a), ask(b), a);
    assert.notEqual(canonicalInput(`[${a}]`), canonicalInput(`[${b}]`), a);
  }
  assert.equal(ask('{"n":1.50}'), ask('{"n":1.5}'));
  assert.equal(canonicalInput("not json "), "not json ");
});

test("a question is one message of the user, in prose", () => {
  assert.equal(questionOf('[{"user":"  What  is \\nit? "}]'), "What is\nit?");
  for (const input of [
    '[{"user":"a"},{"user":"b"}]',
    '[{"user":"a","image":"x"}]',
    '[{"assistant":"a"}]',
    '[{"user":"{\\"a\\":1}"}]',
    '[{"user":"`code`"}]',
    "plain",
    "[]",
  ]) {
    assert.equal(questionOf(input), undefined, input);
  }
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}
