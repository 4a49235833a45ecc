import { randomFillSync } from "node:crypto";

// Random bytes are drawn 256 ids at a time: a system call an id would dominate its cost.
const POOL_BYTES = 8 * 256;
const pool = Buffer.allocUnsafe(POOL_BYTES);
let poolOffset = POOL_BYTES;
let lastMs = 0;
let counter = 0;

/**
 * A UUIDv7 (RFC 9562): sorts by creation time; ids of one process in one millisecond keep their order through a
 * 12-bit counter in `rand_a`.
 */
export function newId(nowMs: number = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMs += 1;
    counter = 0;
  }
  if (poolOffset === POOL_BYTES) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const random = pool.toString("hex", poolOffset, poolOffset + 8);
  poolOffset += 8;
  const time = lastMs.toString(16).padStart(12, "0");
  const variant = ((Number.parseInt(random.charAt(0), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, "0")}-${variant}${random.slice(1, 4)}-${random.slice(4)}`;
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is a UUID in lower case; guards look-ups, where PostgreSQL would raise on a malformed uuid. */
export function isId(text: string): boolean {
  return ID.test(text);
}
