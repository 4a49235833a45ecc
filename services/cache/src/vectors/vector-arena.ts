import { openDotKernel, PAGE_BYTES } from "./dot-kernel.ts";
import type { ByteVector } from "./quantise.ts";

/** Rows that belong to one index, at an address of the arena. */
export type Block = { readonly address: number };

/** Memory for vectors of one length, shared by all indexes of a process, with one bound on all of it. */
export type VectorArena = {
  /** Room for ROWS_PER_BLOCK vectors; undefined: the bound is reached. */
  allocate(): Block | undefined;
  free(block: Block): void;
  write(block: Block, row: number, bytes: Int8Array): void;
  copy(from: Block, fromRow: number, to: Block, toRow: number): void;
  /** Integer dot products of the query with the first `rows` rows. Valid until the next call. */
  scan(block: Block, rows: number): Int32Array;
  /** The query of the scans that follow. */
  setQuery(query: ByteVector): void;
  /** Of the blocks in use. */
  readonly bytes: number;
  readonly blockBytes: number;
};

export const ROWS_PER_BLOCK = 64;

const ROW_STEP = 8;

/** @throws RangeError when the bound leaves no room for a block */
export function createVectorArena(options: { dimensions: number; maxBytes: number }): VectorArena {
  const rowBytes = Math.ceil(options.dimensions / ROW_STEP) * ROW_STEP;
  const blockBytes = rowBytes * ROWS_PER_BLOCK;
  const resultsAt = rowBytes * 2;
  const blocksAt = resultsAt + ROWS_PER_BLOCK * 4;
  const maxBlocks = Math.floor((options.maxBytes - blocksAt) / blockBytes);
  if (maxBlocks < 1) {
    throw new RangeError(`${options.maxBytes} bytes hold no block of ${blockBytes}; raise semantic.maxBytes`);
  }
  const kernel = openDotKernel(blocksAt + maxBlocks * blockBytes);
  const free: Block[] = [];
  let blocks = 0;

  function grow(): Block {
    const address = blocksAt + blocks * blockBytes;
    const missing = address + blockBytes - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE_BYTES));
    blocks += 1;
    return { address };
  }

  function rowOf(block: Block, row: number): Int8Array {
    return new Int8Array(kernel.memory.buffer, block.address + row * rowBytes, rowBytes);
  }

  return {
    allocate: () => free.pop() ?? (blocks < maxBlocks ? grow() : undefined),
    free: (block) => void free.push(block),
    write(block, row, bytes) {
      rowOf(block, row).fill(0).set(bytes);
    },
    copy: (from, fromRow, to, toRow) => rowOf(to, toRow).set(rowOf(from, fromRow)),
    scan(block, rows) {
      kernel.dot(block.address, rows, rowBytes, 0, resultsAt);
      return new Int32Array(kernel.memory.buffer, resultsAt, rows);
    },
    setQuery({ bytes }) {
      new Int16Array(kernel.memory.buffer, 0, rowBytes).fill(0).set(bytes);
    },
    get bytes() {
      return (blocks - free.length) * blockBytes;
    },
    blockBytes,
  };
}
