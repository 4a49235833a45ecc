import { AppError, isAppError } from "@agentmesh/errors";

export type GroupCommitOptions<Item, Result> = {
  readonly name: string;
  /** Most items of one group. Default 200. */
  readonly maxItems?: number;
  /** Groups that run at the same time. Default 1. */
  readonly concurrency?: number;
  /** Most items that wait. Default 10 000. */
  readonly maxQueued?: number;
  /**
   * Applies a group in one transaction; results in the order of the items. An item that is refused is an Error among
   * the results. A rejection means that nothing was applied: when the database is away (UNAVAILABLE) all are rejected,
   * else each item is tried alone, so that the one the database refuses takes no other with it.
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
      await commitGroup(queue.splice(0, maxItems), commit);
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
    // Starting in the next turn lets calls that one read of a socket brought join the first group.
    if (running < concurrency) setImmediate(() => running < concurrency && void drain());
    return promise;
  };
}

async function commitGroup<Item, Result>(
  group: readonly Waiting<Item, Result>[],
  commit: GroupCommitOptions<Item, Result>["commit"],
): Promise<void> {
  let results: readonly (Result | Error)[];
  try {
    results = await commit(group.map(({ item }) => item));
  } catch (error) {
    const away = isAppError(error) && error.code === "UNAVAILABLE";
    if (group.length === 1 || away) for (const { reject } of group) reject(error);
    else for (const one of group) await commitGroup([one], commit);
    return;
  }
  settle(group, results);
}

function settle<Item, Result>(group: readonly Waiting<Item, Result>[], results: readonly (Result | Error)[]): void {
  const wrong =
    results.length === group.length
      ? undefined
      : new AppError("INTERNAL", `a group commit answered ${results.length} results for ${group.length} items`);
  for (const [index, { resolve, reject }] of group.entries()) {
    const result = wrong ?? results[index];
    if (result instanceof Error) reject(result);
    else resolve(result as Result);
  }
}
