import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { embedWords } from "@agentmesh/cache/embed-words";
import { type CacheUnderTest, lookUpAll, openCache, storeAll } from "./cache.ts";
import { labelled } from "./pairs/labelled.ts";
import { long } from "./pairs/long.ts";
import type { Kind, Pair } from "./pairs/pair.ts";
import { wordings } from "./pairs/paraphrases.ts";

let stack: AsyncDisposableStack;
let cache: CacheUnderTest;
let token: string;
/** Whether the answer to `a` was given for `b`, pair by pair. */
let hits: boolean[];

before(async () => {
  stack = new AsyncDisposableStack();
  cache = await openCache(stack);
  token = await cache.token("acme");
  // Each pair by itself: an agent of its own is a partition of its own.
  const agentOf = (index: number) => `pair-${index}`;
  await storeAll(
    cache,
    token,
    labelled.map(({ a }, index) => ({ question: a, agent: agentOf(index) })),
    () => "a",
  );
  const asked = labelled.map(({ b }, index) => ({ question: b, agent: agentOf(index) }));
  hits = (await lookUpAll(cache, token, asked)).map((answer) => answer !== undefined);
});

after(() => stack.disposeAsync());

test("the set is as large and as mixed as it says", () => {
  assert.ok(labelled.length >= 400, `${labelled.length} pairs`);
  assert.equal(new Set(labelled.map(({ a, b }) => `${a} | ${b}`)).size, labelled.length, "no pair twice");
  assert.deepEqual(
    labelled.filter(({ a, b }) => a === b),
    [],
  );
});

test("one thing changed in a long text counts as much as in a short one", () => {
  assert.ok(long.length >= 40 && long.every(({ a, b }) => Math.min(a.length, b.length) >= 300), `${long.length} pairs`);
  assert.deepEqual(
    labelled.filter(({ kind, same }, index) => kind.startsWith("long:") && !same && hits[index]),
    [],
  );
  const found = labelled.filter(({ kind }, index) => kind === "long: paraphrase" && hits[index]).length;
  assert.ok(found * 2 >= long.filter(({ same }) => same).length, `${found} long paraphrases are answered`);
});

test("false hits are at most one in a hundred, and none is a reversal or another number", (t) => {
  const wrong = labelled.filter((pair, index) => !pair.same && hits[index]);
  const different = labelled.filter((pair) => !pair.same).length;
  for (const pair of wrong) t.diagnostic(`false hit, ${pair.kind}: ${pair.a} | ${pair.b}`);
  t.diagnostic(`false hits: ${wrong.length} of ${different} pairs that differ`);
  for (const [kind, { alike, apart }] of countByKind()) {
    t.diagnostic(`${kind}: ${apart.hits} false hits of ${apart.pairs}, ${alike.hits} hits of ${alike.pairs} alike`);
  }
  assert.ok(wrong.length <= different * 0.01);
  assert.deepEqual(
    wrong.filter(({ kind }) => /\b(reversal|number)$/.test(kind)),
    [],
  );
});

test("it hits more than the best static threshold does at no more false hits", (t) => {
  const cosines = labelled.map(({ a, b }) => dot(embedWords(a), embedWords(b)));
  const plain = labelled.map(({ a, b }) => dot(embedPlainly(a), embedPlainly(b)));
  const same = labelled.filter((pair) => pair.same).length;
  const different = labelled.length - same;
  const ours = labelled.filter((pair, index) => pair.same && hits[index]).length / same;
  const falseHits = labelled.filter((pair, index) => !pair.same && hits[index]).length;
  const rates = [0, 0.01, 0.05].map((allowed) => {
    const limit = allowed === 0 ? falseHits : Math.floor(different * allowed);
    return { allowed, ...bestThreshold(labelled, cosines, limit, same) };
  });
  t.diagnostic(`hit rate ${percent(ours)} of ${same} pairs alike, with ${falseHits} false hits`);
  for (const { allowed, threshold, hitRate } of rates) {
    t.diagnostic(
      `static cosine threshold ${threshold.toFixed(4)}: ${percent(hitRate)} at ` +
        `${allowed === 0 ? "as many false hits" : `up to ${percent(allowed)} false hits`}`,
    );
  }
  const others = bestThreshold(labelled, plain, Math.floor(different * 0.01), same);
  t.diagnostic(`on all words and trigrams as they are: ${percent(others.hitRate)} at up to 1.0 % false hits`);
  assert.ok(ours > Math.max(others.hitRate, ...rates.map(({ hitRate }) => hitRate)));
});

test("with all questions in one partition each wording still gets its own question's answer", async (t) => {
  const agent = "all-together";
  const groups = wordings.map(([first = ""], index) => ({ question: first, agent, group: String(index) }));
  const groupOf = new Map(groups.map(({ question, group }) => [question, group]));
  await storeAll(cache, token, groups, ({ question }) => groupOf.get(question) ?? "");
  const others = wordings.flatMap(([, ...rest], index) => rest.map((question) => ({ question, group: String(index) })));
  const answers = await lookUpAll(
    cache,
    token,
    others.map(({ question }) => ({ question, agent })),
  );
  const found = answers.filter((answer) => answer !== undefined).length;
  const wrong = others.filter(({ group }, index) => answers[index] !== undefined && answers[index] !== group);
  t.diagnostic(`${found} of ${others.length} wordings answered, ${wrong.length} by another question's answer`);
  assert.deepEqual(wrong, []);
});

type Count = { pairs: number; hits: number };

function countByKind(): Map<Kind, { alike: Count; apart: Count }> {
  const counts = new Map<Kind, { alike: Count; apart: Count }>();
  for (const [index, { kind, same }] of labelled.entries()) {
    const count = counts.get(kind) ?? { alike: { pairs: 0, hits: 0 }, apart: { pairs: 0, hits: 0 } };
    const { [same ? "alike" : "apart"]: of } = count;
    of.pairs += 1;
    of.hits += hits[index] ? 1 : 0;
    counts.set(kind, count);
  }
  return counts;
}

/** The lowest threshold on the cosine alone that lets no more than `limit` false hits through. */
function bestThreshold(pairs: readonly Pair[], cosines: readonly number[], limit: number, same: number) {
  const foreign = pairs.flatMap((pair, index) => (pair.same ? [] : [cosines[index] ?? 0])).sort((a, b) => b - a);
  const threshold = (foreign[limit] ?? 0) + Number.EPSILON;
  const hitRate = pairs.filter((pair, index) => pair.same && (cosines[index] ?? 0) > threshold).length / same;
  return { threshold, hitRate };
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}

const PLAIN_DIMENSIONS = 4_096;

/** What a cache without any knowledge of language would compare: every word and every trigram, as written. */
function embedPlainly(text: string): Float32Array {
  const vector = new Float32Array(PLAIN_DIMENSIONS);
  const lower = text.toLowerCase();
  const grams = Array.from({ length: Math.max(0, lower.length - 2) }, (_, at) => lower.slice(at, at + 3));
  for (const feature of [...lower.split(/[^\p{L}\p{N}]+/u), ...grams]) {
    const at = createHash("sha256").update(feature).digest().readUInt16BE(0) % PLAIN_DIMENSIONS;
    vector[at] = (vector[at] ?? 0) + 1;
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
