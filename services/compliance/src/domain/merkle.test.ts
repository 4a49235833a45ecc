import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  appendLeaves,
  emptyFrontier,
  emptyRoot,
  type Hash,
  inclusionRanges,
  joinSubtrees,
  leafHash,
  nodeHash,
  rootOf,
  subtreesOf,
  verifyInclusion,
} from "./merkle.ts";

// The definition of RFC 6962, 2.1, as it is written there: the oracle.
function mth(leaves: readonly Hash[]): Hash {
  const [only] = leaves;
  if (!only) return emptyRoot();
  if (leaves.length === 1) return only;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(mth(leaves.slice(0, k)), mth(leaves.slice(k)));
}

function leavesOf(count: number): Hash[] {
  return Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`leaf ${index}`)));
}

test("appending in any batches gives the root of the definition", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 20 }), (batches) => {
      let frontier = emptyFrontier;
      const all = leavesOf(batches.reduce((sum, batch) => sum + batch, 0));
      let at = 0;
      for (const batch of batches) {
        frontier = appendLeaves(frontier, all.slice(at, at + batch)).frontier;
        at += batch;
      }
      assert.deepEqual(rootOf(frontier), mth(all));
      assert.equal(frontier.size, BigInt(all.length));
    }),
  );
});

test("every leaf of every size has a path, made of stored subtrees, that verifies; a wrong one does not", () => {
  for (let size = 1; size <= 40; size++) {
    const leaves = leavesOf(size);
    const { frontier, nodes } = appendLeaves(emptyFrontier, leaves);
    const stored = new Map(nodes.map((node) => [`${node.level}/${node.index}`, node.hash]));
    const root = rootOf(frontier);
    leaves.forEach((leaf, index) => {
      const path = inclusionRanges(BigInt(index), BigInt(size)).map(({ start, end }) =>
        joinSubtrees(
          subtreesOf(start, end).map(
            ({ level, index }) => stored.get(`${level}/${index}`) ?? assert.fail("not stored"),
          ),
        ),
      );
      assert.ok(verifyInclusion(leaf, BigInt(index), BigInt(size), path, root), `leaf ${index} of ${size}`);
      assert.ok(!verifyInclusion(leafHash(Buffer.from("x")), BigInt(index), BigInt(size), path, root));
      assert.ok(!verifyInclusion(leaf, BigInt(index + 1), BigInt(size), path, root));
      assert.ok(!verifyInclusion(leaf, BigInt(index), BigInt(size), [...path, root], root));
    });
  }
});

test("the hashes are those of RFC 6962's known answers", () => {
  assert.equal(emptyRoot().toString("hex"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.equal(
    leafHash(Buffer.alloc(0)).toString("hex"),
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  );
});
