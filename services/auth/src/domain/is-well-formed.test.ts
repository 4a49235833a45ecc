import assert from "node:assert/strict";
import { test } from "node:test";
import { isWellFormed } from "./is-well-formed.ts";

test("plain documents are well-formed, and what parsers only forgive is not", () => {
  const good = ["<a/>", "<a></a>", " <a b=\"1\" c='2'>x &amp; &#65; &#x41;<b:c-d/> y</a>\n", '<a b="c=1 c=2" d=""/>'];
  for (const xml of good) assert.equal(isWellFormed(xml), true, xml);
  const bad = [
    "",
    "text",
    "<a>",
    "</a>",
    "<a></b>",
    "<a/><b/>",
    "<a/>x",
    "x<a/>",
    "<a b/>",
    "<a b=1/>",
    '<a b="1"c="2"/>',
    '<a b="<"/>',
    '<a b="1" b="2"/>',
    "<a>&x;</a>",
    "<a>a & b</a>",
    "<a <b/>>",
    "<a><!-- --></a>",
    "<a><?x?></a>",
    `${"<a>".repeat(65)}${"</a>".repeat(65)}`,
  ];
  for (const xml of bad) assert.equal(isWellFormed(xml), false, xml);
});

test("hostile documents are judged in time that grows with their length", () => {
  const startedAt = performance.now();
  for (const piece of ["<a ", '<a b="', "<a b", "&", "<", " ", "<a>", 'b="1" '])
    isWellFormed(`<a ${piece.repeat(50_000)}`);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 2_000, `${tookMs} ms`);
});
