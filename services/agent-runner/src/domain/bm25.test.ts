import assert from "node:assert/strict";
import { test } from "node:test";
import { indexDocuments, termsOf } from "./bm25.ts";

const filler = "Boards hold cards. Teams share boards. ".repeat(60);
const index = indexDocuments([
  {
    id: "refunds",
    title: "Refunds and returns",
    text: `${filler} A refund reaches your card within five days. ${filler}`,
  },
  { id: "login", title: "Reset your password", text: "Open the sign-in page and choose forgotten password." },
  { id: "sso", title: "Single sign-on", text: "Müller GmbH uses single sign-on. Ask your administrator." },
]);

test("the document that speaks of the query's rare words comes first, with the sentence that does", () => {
  const [first, ...others] = index.search("How long does a refund take?", 3);
  assert.equal(first?.id, "refunds");
  assert.match(first?.excerpt ?? "", /refund reaches your card within five days/);
  assert.ok((first?.excerpt.length ?? 0) <= 601);
  assert.ok(others.every((hit) => hit.score < (first?.score ?? 0)));
});

test("words match without case, accents and plural; nothing is found for nothing", () => {
  assert.deepEqual(termsOf("Passwörter, REFUNDS; class"), ["passworter", "refund", "class"]);
  assert.equal(index.search("MULLER", 1)[0]?.id, "sso");
  assert.deepEqual(index.search("", 3), []);
  assert.deepEqual(index.search("zebra", 3), []);
});
