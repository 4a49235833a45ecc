import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { embedWords, toUnitLength } from "../domain/questions/embed-words.ts";
import { openDotKernel } from "./dot-kernel.ts";
import { quantise } from "./quantise.ts";
import { createVectorArena, ROWS_PER_BLOCK } from "./vector-arena.ts";
import { createVectorIndex } from "./vector-index.ts";

const DIMENSIONS = 384;

/** Deterministic, for a figure that differs from run to run proves nothing (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** In clusters, as questions come: neighbours that are near, where quantising could change their order. */
function clusteredVectors(count: number, seed: number): Float32Array[] {
  const random = randomFrom(seed);
  const centres = Array.from({ length: 50 }, () => Float32Array.from({ length: DIMENSIONS }, () => random() - 0.5));
  return Array.from({ length: count }, (_, index) => {
    const centre = centres[index % centres.length] ?? new Float32Array(DIMENSIONS);
    return toUnitLength(centre.map((value) => value + (random() - 0.5) * 0.8));
  });
}

function exactNearest(vectors: readonly Float32Array[], query: Float32Array, count: number): Set<string> {
  const scored = vectors.map((vector, index) => {
    let dot = 0;
    for (let at = 0; at < DIMENSIONS; at++) dot += (vector[at] ?? 0) * (query[at] ?? 0);
    return { index, dot };
  });
  scored.sort((a, b) => b.dot - a.dot);
  return new Set(scored.slice(0, count).map(({ index }) => String(index)));
}

test("the kernel's dot products are those of plain arithmetic, for any bytes", () => {
  const kernel = openDotKernel(65_536);
  const bytes = fc.array(fc.integer({ min: -127, max: 127 }), { minLength: 48, maxLength: 48 });
  fc.assert(
    fc.property(bytes, bytes, bytes, (query, first, second) => {
      new Int16Array(kernel.memory.buffer, 0, 48).set(query);
      new Int8Array(kernel.memory.buffer, 200, 96).set([...first, ...second]);
      kernel.dot(200, 2, 48, 0, 1_000);
      const dot = (row: readonly number[]) => row.reduce((sum, value, at) => sum + value * (query[at] ?? 0), 0);
      assert.deepEqual([...new Int32Array(kernel.memory.buffer, 1_000, 2)], [dot(first), dot(second)]);
    }),
  );
});

test("in one byte a dimension, the nearest five of 2 000 are those of exact search but for one in twenty", () => {
  const vectors = clusteredVectors(2_000, 1);
  const index = createVectorIndex(createVectorArena({ dimensions: DIMENSIONS, maxBytes: 8_000_000 }));
  for (const [id, vector] of vectors.entries()) index.set(String(id), quantise(vector));
  let found = 0;
  const queries = clusteredVectors(100, 2);
  for (const query of queries) {
    const exact = exactNearest(vectors, query, 5);
    found += index.search(quantise(query), 5).filter(({ id }) => exact.has(id)).length;
  }
  const recall = found / (queries.length * 5);
  assert.ok(recall >= 0.95, `recall ${recall}`);
});

test("an index finds what was set last and nothing that was deleted, whatever the order", () => {
  const ids = fc.integer({ min: 0, max: 200 });
  const steps = fc.array(fc.record({ id: ids, isDelete: fc.boolean() }), { maxLength: 400 });
  const vectors = clusteredVectors(201, 3).map(quantise);
  fc.assert(
    fc.property(steps, (list) => {
      const arena = createVectorArena({ dimensions: DIMENSIONS, maxBytes: 1_000_000 });
      const index = createVectorIndex(arena);
      const model = new Set<number>();
      for (const { id, isDelete } of list) {
        const vector = vectors[id];
        if (!vector) continue;
        if (isDelete) index.delete(String(id));
        else index.set(String(id), vector);
        if (isDelete) model.delete(id);
        else model.add(id);
      }
      assert.equal(index.size, model.size);
      assert.equal(arena.bytes, Math.ceil(model.size / ROWS_PER_BLOCK) * arena.blockBytes);
      for (const id of [...model].slice(0, 10)) {
        const vector = vectors[id];
        if (vector) assert.equal(index.search(vector, 1)[0]?.id, String(id));
      }
      index.clear();
      assert.equal(arena.bytes, 0);
    }),
    { numRuns: 50 },
  );
});

test("the arena never grows beyond its bound, and freed memory is used again", () => {
  const arena = createVectorArena({ dimensions: DIMENSIONS, maxBytes: 100_000 });
  const index = createVectorIndex(arena);
  const vector = quantise(embedWords("How do I reset my password?"));
  let kept = 0;
  while (kept < 10_000 && index.set(String(kept), vector)) kept += 1;
  assert.equal(kept, 4 * ROWS_PER_BLOCK);
  assert.ok(arena.bytes <= 100_000);
  index.clear();
  assert.ok(createVectorIndex(arena).set("again", vector));
  assert.throws(() => createVectorArena({ dimensions: DIMENSIONS, maxBytes: 1_000 }), /raise semantic.maxBytes/);
});

test("the lexical embedder answers the same for the same words, of unit length, also for none", () => {
  const [a, b] = [embedWords("How do I reset my password?"), embedWords("how can I reset my password")];
  assert.deepEqual(a, b);
  for (const text of ["", "?", "the", "How do I reset my password?", "密码"]) {
    const length = Math.hypot(...embedWords(text));
    assert.ok(Math.abs(length - 1) < 1e-5, `${JSON.stringify(text)} has length ${length}`);
  }
});
