// The Merkle tree of RFC 6962: a leaf is H(0x00 ‖ data), a node H(0x01 ‖ left ‖ right), and a tree of n leaves splits
// at the largest power of two below n. Complete subtrees never change once they are full, so they are kept as nodes
// (level, index) and everything else is derived from them.
import { createHash } from "node:crypto";

export type Hash = Buffer;

export function leafHash(data: Uint8Array): Hash {
  return createHash("sha256").update(LEAF).update(data).digest();
}

export function nodeHash(left: Hash, right: Hash): Hash {
  return createHash("sha256").update(NODE).update(left).update(right).digest();
}

/** The root of the empty tree: the hash of nothing. */
export function emptyRoot(): Hash {
  return createHash("sha256").digest();
}

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

/** A complete subtree: 2^level leaves from index × 2^level. */
export type TreeNode = { readonly level: number; readonly index: bigint; readonly hash: Hash };

/**
 * The complete subtrees a tree of `size` leaves is made of, from the left: one for each bit of its size. They are all
 * that is needed to append and to compute the root.
 */
export type Frontier = { readonly size: bigint; readonly roots: readonly Hash[] };

export const emptyFrontier: Frontier = { size: 0n, roots: [] };

/** Appends leaves; answers the new frontier and every subtree that became complete, leaves included. */
export function appendLeaves(frontier: Frontier, leaves: readonly Hash[]): { frontier: Frontier; nodes: TreeNode[] } {
  const roots = [...frontier.roots];
  const nodes: TreeNode[] = [];
  let { size } = frontier;
  for (const leaf of leaves) {
    let hash = leaf;
    let level = 0;
    nodes.push({ level, index: size, hash });
    // As in a binary counter, each trailing one bit of the size is a subtree that the new one completes.
    for (let rest = size; rest & 1n; rest >>= 1n) {
      const left = roots.pop();
      if (!left) throw new Error(`a frontier of ${size} leaves has too few roots`);
      hash = nodeHash(left, hash);
      level += 1;
      nodes.push({ level, index: size >> BigInt(level), hash });
    }
    roots.push(hash);
    size += 1n;
  }
  return { frontier: { size, roots }, nodes };
}

export function rootOf(frontier: Frontier): Hash {
  if (frontier.roots.length === 0) return emptyRoot();
  return frontier.roots.reduceRight((right, left) => nodeHash(left, right));
}

/** A range of leaves [start, end) as complete subtrees, from the left. */
export function subtreesOf(start: bigint, end: bigint): { level: number; index: bigint }[] {
  const parts: { level: number; index: bigint }[] = [];
  for (let at = start; at < end; ) {
    let level = 0;
    // The largest aligned subtree that begins here and does not reach beyond the end.
    while ((at & ((2n << BigInt(level)) - 1n)) === 0n && at + (2n << BigInt(level)) <= end) level += 1;
    parts.push({ level, index: at >> BigInt(level) });
    at += 1n << BigInt(level);
  }
  return parts;
}

/** For each sibling on the way from a leaf up to the root: the range of leaves below it (RFC 6962, 2.1.1). */
export function inclusionRanges(leaf: bigint, size: bigint): { start: bigint; end: bigint }[] {
  const ranges: { start: bigint; end: bigint }[] = [];
  let start = 0n;
  let end = size;
  while (end - start > 1n) {
    const split = start + largestPowerBelow(end - start);
    if (leaf < split) {
      ranges.unshift({ start: split, end });
      end = split;
    } else {
      ranges.unshift({ start, end: split });
      start = split;
    }
  }
  return ranges;
}

function largestPowerBelow(count: bigint): bigint {
  let power = 1n;
  while (power * 2n < count) power *= 2n;
  return power;
}

/** The root of a range from the hashes of its `subtreesOf`, from the left. */
export function joinSubtrees(hashes: readonly Hash[]): Hash {
  if (hashes.length === 0) return emptyRoot();
  return hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** Whether a leaf is in the tree with this root, by RFC 6962's check of an inclusion path. */
export function verifyInclusion(leaf: Hash, index: bigint, size: bigint, path: readonly Hash[], root: Hash): boolean {
  if (index < 0n || index >= size) return false;
  let node = index;
  let last = size - 1n;
  let hash = leaf;
  for (const sibling of path) {
    if (last === 0n) return false;
    if (node & 1n || node === last) {
      hash = nodeHash(sibling, hash);
      while (node !== 0n && !(node & 1n)) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  return last === 0n && hash.equals(root);
}
