import { MAX_OBSERVATIONS, type Observation } from "../domain/learned-bound.ts";
import type { ByteVector } from "../vectors/quantise.ts";
import type { VectorArena } from "../vectors/vector-arena.ts";
import { createVectorIndex } from "../vectors/vector-index.ts";
import type { SemanticEvent } from "./semantic-log.ts";

/** A question that was answered; the answer is where its key says. */
export type Filed = {
  readonly id: string;
  readonly text: string;
  readonly expiresAtMs: number;
  readonly observations: readonly Observation[];
};

/** The answered questions of one partition, in process memory. */
export type Shelf = {
  readonly tenant: string;
  /** Applies what happened; oldest first. @returns false: there is no memory for one more */
  apply(event: SemanticEvent): boolean;
  remove(id: string): void;
  /** The oldest makes room. @returns false: there is none */
  removeOldest(): boolean;
  nearest(vector: ByteVector, count: number): { filed: Filed; cosine: number }[];
  readonly size: number;
  /** Of texts and what belongs to them; the vectors' are the arena's. */
  readonly bytes: number;
  clear(): void;
};

// What a question costs beside its text and vector: objects, map entries, identifiers. Measured: 480 with a text of 70.
const OVERHEAD_BYTES = 600;
const BYTES_PER_CHAR = 2;

/** @param account is told of each change of `bytes` */
export function createShelf(
  tenant: string,
  arena: VectorArena,
  maxEntries: number,
  account: (deltaBytes: number) => void,
): Shelf {
  const index = createVectorIndex(arena);
  const all = new Map<string, Filed>();
  let bytes = 0;

  function count(deltaBytes: number): void {
    bytes += deltaBytes;
    account(deltaBytes);
  }

  function put(filed: Filed): void {
    drop(filed.id);
    all.set(filed.id, filed);
    count(bytesOf(filed));
  }

  function drop(id: string): void {
    const filed = all.get(id);
    if (filed && all.delete(id)) count(-bytesOf(filed));
  }

  const shelf: Shelf = {
    tenant,
    apply(event) {
      const known = all.get(event.id);
      if (event.is === "observed") {
        if (known) put({ ...known, observations: observed(known.observations, event) });
        return true;
      }
      if (!known && all.size >= maxEntries) shelf.removeOldest();
      if (!index.set(event.id, event.vector)) return false;
      const { id, text, expiresAtMs } = event;
      put({ id, text, expiresAtMs, observations: known?.observations ?? [] });
      return true;
    },
    remove(id) {
      drop(id);
      index.delete(id);
    },
    removeOldest() {
      const [oldest] = all.keys();
      if (oldest !== undefined) shelf.remove(oldest);
      return oldest !== undefined;
    },
    nearest(vector, count) {
      return index.search(vector, count).flatMap(({ id, cosine }) => {
        const filed = all.get(id);
        return filed ? [{ filed, cosine }] : [];
      });
    },
    get size() {
      return all.size;
    },
    get bytes() {
      return bytes;
    },
    clear() {
      index.clear();
      all.clear();
      count(-bytes);
    },
  };
  return shelf;
}

function observed(before: readonly Observation[], { score, same }: Observation): readonly Observation[] {
  return [...before, { score, same }].slice(-MAX_OBSERVATIONS);
}

function bytesOf({ text }: Filed): number {
  return text.length * BYTES_PER_CHAR + OVERHEAD_BYTES;
}
