import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import { AppError } from "@agentmesh/errors";

/** A stored answer. */
export type Entry = {
  readonly value: Uint8Array;
  /** What it cost when it was made, integer nano-USD. */
  readonly costNanoUsd: bigint;
  readonly storedAtMs: number;
  readonly expiresAtMs: number;
  /** Epoch of each tag's scope when it was stored; a later epoch makes the entry void. */
  readonly tags: Readonly<Record<string, number>>;
};

// Layout: one byte of version, one of flags, four of header length (big endian), header as JSON, value.
const VERSION = 1;
const FLAG_ZSTD = 1;
const PREFIX_BYTES = 6;
const ZSTD_LEVEL = 3;
const MAX_HEADER_BYTES = 16 * 1024;

type Header = Pick<Entry, "tags"> & {
  readonly cost: string;
  readonly at: number;
  readonly until: number;
  readonly size: number;
};

const COST = /^\d{1,30}$/;

/** Each answer from Redis has one: a schema would take longer over it than JSON.parse. @throws Error naming the member */
function readHeader(value: unknown): Header {
  const { cost, at, until, tags, size } = value as Partial<Record<keyof Header, unknown>>;
  if (typeof cost !== "string" || !COST.test(cost)) throw new Error(`a header with the cost ${cost}`);
  if (!isTime(at) || !isTime(until)) throw new Error(`a header with the times ${at} and ${until}`);
  if (typeof size !== "number" || !Number.isInteger(size)) throw new Error(`a header with the size ${size}`);
  if (!areTags(tags)) throw new Error("a header without tags");
  return { cost, at, until, tags, size };
}

function isTime(value: unknown): value is number {
  return typeof value === "number";
}

function areTags(value: unknown): value is Header["tags"] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  return Object.values(value).every((epoch) => typeof epoch === "number");
}

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** @param compressAboveBytes values larger than this are compressed, if that makes them smaller */
export async function encodeEntry(entry: Entry, compressAboveBytes: number): Promise<Buffer> {
  const packed = entry.value.length > compressAboveBytes ? await pack(entry.value) : undefined;
  const isPacked = packed !== undefined && packed.length < entry.value.length;
  const meta = Buffer.from(
    JSON.stringify({
      cost: entry.costNanoUsd.toString(),
      at: entry.storedAtMs,
      until: entry.expiresAtMs,
      tags: entry.tags,
      size: entry.value.length,
    }),
  );
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt8(VERSION, 0);
  prefix.writeUInt8(isPacked ? FLAG_ZSTD : 0, 1);
  prefix.writeUInt32BE(meta.length, 2);
  return Buffer.concat([prefix, meta, isPacked ? packed : entry.value]);
}

function pack(value: Uint8Array): Promise<Buffer> {
  return compress(value, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
}

/**
 * @param maxValueBytes the bound on what decompression may produce
 * @throws AppError DATA_LOSS when the bytes are not an entry
 */
export async function decodeEntry(bytes: Buffer, maxValueBytes: number): Promise<Entry> {
  try {
    if (bytes.readUInt8(0) !== VERSION) throw new Error(`version ${bytes.readUInt8(0)}`);
    const metaBytes = bytes.readUInt32BE(2);
    if (metaBytes > MAX_HEADER_BYTES) throw new Error(`a header of ${metaBytes} bytes`);
    const body = PREFIX_BYTES + metaBytes;
    const meta = readHeader(JSON.parse(bytes.toString("utf8", PREFIX_BYTES, body)));
    const isPacked = (bytes.readUInt8(1) & FLAG_ZSTD) !== 0;
    const stored = bytes.subarray(body);
    const value = isPacked ? await decompress(stored, { maxOutputLength: maxValueBytes }) : stored;
    if (value.length !== meta.size) throw new Error(`${value.length} bytes of ${meta.size}`);
    return {
      value,
      costNanoUsd: BigInt(meta.cost),
      storedAtMs: meta.at,
      expiresAtMs: meta.until,
      tags: meta.tags,
    };
  } catch (cause) {
    throw new AppError("DATA_LOSS", `a cache entry cannot be read: ${String(cause)}`, { reason: "BAD_ENTRY", cause });
  }
}
