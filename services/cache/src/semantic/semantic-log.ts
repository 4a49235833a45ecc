import { z } from "zod";
import type { RedisLink } from "../store/redis.ts";
import type { ByteVector } from "../vectors/quantise.ts";

/** What happened to the questions of a partition, in order. */
export type SemanticEvent =
  | {
      readonly is: "stored";
      /** Hash of its key: where its answer is. */
      readonly id: string;
      readonly text: string;
      readonly vector: ByteVector;
      readonly expiresAtMs: number;
    }
  | { readonly is: "observed"; readonly id: string; readonly score: number; readonly same: boolean };

export type SemanticLog = {
  /** @throws AppError UNAVAILABLE */
  append(shelf: string, event: SemanticEvent): Promise<void>;
  /** Up to PAGE events behind `position`; `""`: from the start. What cannot be read is left out. @throws AppError UNAVAILABLE */
  read(shelf: string, position: string): Promise<{ events: SemanticEvent[]; position: string; isEnd: boolean }>;
};

const PAGE = 250;

const head = z.discriminatedUnion("is", [
  z.object({
    is: z.literal("stored"),
    id: z.string(),
    text: z.string(),
    scale: z.number(),
    expiresAtMs: z.number(),
  }),
  z.object({ is: z.literal("observed"), id: z.string(), score: z.number(), same: z.boolean() }),
]);

/**
 * A Redis stream a partition, `v:<shelf>`: each replica reads on from where it stopped, and a restarted one from the
 * start. That is storage and news in one, bounded by its length and its time to live.
 */
export function createSemanticLog(redis: RedisLink, limits: { maxEntries: number; keepMs: number }): SemanticLog {
  return {
    async append(shelf, event) {
      const key = `v:${shelf}`;
      const { json, bytes } = encode(event);
      await redis.run((client) =>
        client
          .multi()
          .xadd(key, "MAXLEN", "~", limits.maxEntries, "*", "h", json, "v", bytes)
          .pexpire(key, limits.keepMs)
          .exec(),
      );
    },
    async read(shelf, position) {
      const from = position === "" ? "-" : `(${position}`;
      const rows = await redis.run((client) => client.xrangeBuffer(`v:${shelf}`, from, "+", "COUNT", PAGE));
      const last = rows.at(-1)?.[0].toString() ?? position;
      return { events: rows.flatMap(([, fields]) => decode(fields)), position: last, isEnd: rows.length < PAGE };
    },
  };
}

function encode(event: SemanticEvent): { json: string; bytes: Buffer } {
  if (event.is === "observed") return { json: JSON.stringify(event), bytes: Buffer.alloc(0) };
  const { vector, ...rest } = event;
  return { json: JSON.stringify({ ...rest, scale: vector.scale }), bytes: Buffer.from(vector.bytes) };
}

function decode([, json, , bytes]: readonly Buffer[]): SemanticEvent[] {
  try {
    const read = head.parse(JSON.parse(json?.toString("utf8") ?? ""));
    if (read.is === "observed") return [read];
    const { scale, ...rest } = read;
    return [{ ...rest, vector: { bytes: new Int8Array(bytes ?? []), scale } }];
  } catch {
    return [];
  }
}
