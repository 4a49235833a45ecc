import assert from "node:assert/strict";
import { test } from "node:test";
import { drawGraph } from "./draw-graph.ts";

function picture(edges: Readonly<Record<string, readonly string[]>>): string[] | undefined {
  const nodes = Object.entries(edges).map(([id, after]) => ({ id, after, mark: "o" }));
  return drawGraph(nodes)?.map(({ rails, id }) => `${rails} ${id ?? ""}`.trimEnd());
}

test("one after the other is a straight line", () => {
  assert.deepEqual(picture({ a: [], b: ["a"], c: ["b"] }), ["o a", "o b", "o c"]);
});

test("a diamond opens and closes", () => {
  assert.deepEqual(picture({ split: [], left: ["split"], right: ["split"], join: ["left", "right"] }), [
    "o   split",
    "├─╮",
    "o │ left",
    "│ o right",
    "├─╯",
    "o   join",
  ]);
});

test("three ways, one of which ends; two roots", () => {
  assert.deepEqual(picture({ a: [], b: ["a"], c: ["a"], d: ["a"], e: ["b", "d"], lone: [], end: ["lone", "e"] }), [
    "o     a",
    "├─┬─╮",
    "o │ │ b",
    "│ o │ c",
    "│   o d",
    "├───╯",
    "o     e",
    "│ o   lone",
    "├─╯",
    "o     end",
  ]);
});

test("an edge that a longer way makes needless is not drawn, and order does not depend on how steps are written", () => {
  assert.deepEqual(picture({ c: ["a", "b"], b: ["a"], a: [] }), ["o a", "o b", "o c"]);
});

test("what is too wide is no picture", () => {
  const wide = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`s${index}`, ["root"]]));
  assert.equal(picture({ root: [], ...wide }), undefined);
  assert.deepEqual(picture({}), []);
});
