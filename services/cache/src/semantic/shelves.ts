import { describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";
import type { VectorArena } from "../vectors/vector-arena.ts";
import type { SemanticEvent, SemanticLog } from "./semantic-log.ts";
import { createShelf, type Shelf } from "./shelf.ts";

/** The shelves of a process, filled from the log as they are asked for, within one bound on their memory. */
export type Shelves = {
  /** The shelf with what other replicas did up to FRESH_MS ago; with less while Redis is away or a large one is read. */
  upToDate(name: string, tenant: string): Promise<Shelf>;
  get(name: string): Shelf | undefined;
  apply(name: string, tenant: string, event: SemanticEvent): void;
  /** What it holds is read on when it is next asked for. */
  expire(name: string): void;
  sizeOf(tenant: string): { entries: number; bytes: number };
};

type Kept = {
  readonly shelf: Shelf;
  position: string;
  readAtMs: number;
  reading: Promise<void> | undefined;
};

const FRESH_MS = 250;
/** A lookup waits no longer for a shelf to be read. */
const READ_WAIT_MS = 100;

export function createShelves(options: {
  arena: VectorArena;
  log: SemanticLog;
  maxEntries: number;
  /** Of vectors and texts of all shelves; the least recently used shelf goes first. */
  maxBytes: number;
  onEvict: (tenant: string, entries: number) => void;
  logger: Logger;
}): Shelves {
  const { arena, log, maxEntries, maxBytes, logger } = options;
  // In the order of use: the first is the least recently used.
  const all = new Map<string, Kept>();
  let textBytes = 0;

  function use(name: string, tenant: string): Kept {
    const kept = all.get(name) ?? {
      shelf: createShelf(tenant, arena, maxEntries, (deltaBytes) => {
        textBytes += deltaBytes;
      }),
      position: "",
      readAtMs: 0,
      reading: undefined,
    };
    all.delete(name);
    all.set(name, kept);
    return kept;
  }

  function makeRoom(keep: Shelf): boolean {
    for (const [name, { shelf }] of all) {
      if (shelf === keep) continue;
      options.onEvict(shelf.tenant, shelf.size);
      shelf.clear();
      all.delete(name);
      return true;
    }
    options.onEvict(keep.tenant, 1);
    return keep.removeOldest();
  }

  function apply(shelf: Shelf, event: SemanticEvent): void {
    if (event.is === "stored" && event.expiresAtMs <= Date.now()) return;
    while (!shelf.apply(event) && makeRoom(shelf));
    while (arena.bytes + textBytes > maxBytes && makeRoom(shelf));
  }

  async function readOn(name: string, kept: Kept): Promise<void> {
    try {
      for (let isEnd = false; !isEnd; ) {
        const page = await log.read(name, kept.position);
        // Made room for another one meanwhile: what it took now, nobody would give back.
        if (all.get(name) !== kept) return;
        for (const event of page.events) apply(kept.shelf, event);
        kept.position = page.position;
        isEnd = page.isEnd;
      }
    } catch (error) {
      logger.debug({ reason: describeError(error) }, "answered questions not read; those in memory have to do");
    }
    kept.readAtMs = performance.now();
    kept.reading = undefined;
  }

  return {
    async upToDate(name, tenant) {
      const kept = use(name, tenant);
      if (kept.readAtMs > 0 && performance.now() - kept.readAtMs < FRESH_MS) return kept.shelf;
      kept.reading ??= readOn(name, kept);
      await within(kept.reading, READ_WAIT_MS);
      return kept.shelf;
    },
    get: (name) => all.get(name)?.shelf,
    apply: (name, tenant, event) => apply(use(name, tenant).shelf, event),
    expire(name) {
      const kept = all.get(name);
      if (kept) kept.readAtMs = 0;
    },
    sizeOf(tenant) {
      const own = [...all.values()].filter(({ shelf }) => shelf.tenant === tenant);
      const entries = own.reduce((sum, { shelf }) => sum + shelf.size, 0);
      // A vector's bytes are the arena's in blocks; its share of them is near enough.
      const total = [...all.values()].reduce((sum, { shelf }) => sum + shelf.size, 0);
      const vectors = total > 0 ? Math.round((arena.bytes * entries) / total) : 0;
      return { entries, bytes: own.reduce((sum, { shelf }) => sum + shelf.bytes, vectors) };
    },
  };
}

/** The work goes on also when nobody waits for it any more. */
async function within(work: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([work, late.promise]);
  clearTimeout(timer);
}
