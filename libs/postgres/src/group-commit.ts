import { AppError } from "@agentmesh/errors";

export type GroupCommitOptions<Item, Result> = {
  readonly name: string;
  /** Most items of one group. Default 200. */
  readonly maxItems?: number;
  /** Groups that run at the same time. Default 1. */
  readonly concurrency?: number;
  /** Most items that wait. Default 10 000. */
  readonly maxQueued?: number;
  /**
   * Applies a group in one transaction; results in the order of the items. An item that fails alone is an Error among
   * the results; a rejection fails them all.
   */
  readonly commit: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>;
};

/** Hands an item in and resolves with its own result. @throws AppError RESOURCE_EXHAUSTED when too many wait */
export type GroupCommit<Item, Result> = (item: Item) => Promise<Result>;

type Waiting<Item, Result> = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void };

/**
 * Joins calls that arrive while a transaction is running into the next one. A lone call is committed at once; under
 * load one fsync serves hundreds.
 */
export function groupCommit<Item, Result>(options: GroupCommitOptions<Item, Result>): GroupCommit<Item, Result> {
  const { name, maxItems = 200, concurrency = 1, maxQueued = 10_000, commit } = options;
  const queue: Waiting<Item, Result>[] = [];
  let running = 0;

  async function drain(): Promise<void> {
    running += 1;
    while (queue.length > 0) {
      const group = queue.splice(0, maxItems);
      try {
        settle(group, await commit(group.map(({ item }) => item)));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    running -= 1;
  }

  return (item) => {
    if (queue.length >= maxQueued) {
      return Promise.reject(
        new AppError("RESOURCE_EXHAUSTED", `${name}: ${maxQueued} are waiting already; try again later`, {
          reason: "QUEUE_FULL",
          retryAfterMs: 500,
        }),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    queue.push({ item, resolve, reject });
    // Starting in a microtask lets calls that were decoded from one read join the first group.
    if (running < concurrency) queueMicrotask(() => running < concurrency && void drain());
    return promise;
  };
}

function settle<Item, Result>(group: readonly Waiting<Item, Result>[], results: readonly (Result | Error)[]): void {
  group.forEach(({ resolve, reject }, index) => {
    const result = results[index];
    if (result instanceof Error) reject(result);
    else if (result === undefined) reject(new AppError("INTERNAL", "a group commit answered fewer results than items"));
    else resolve(result);
  });
}
