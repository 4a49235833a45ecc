import { AppError, isAppError } from "@agentmesh/errors";

/** One transaction for many requests. */
export type Group<Item, Result> = AsyncDisposable & {
  /**
   * Results in the order of the items. Fails alone when only these items cannot be applied.
   *
   * @throws AppError RESOURCE_EXHAUSTED (QUEUE_FULL) when too much waits
   */
  run(items: readonly Item[]): Promise<readonly Result[]>;
};

export type GroupOptions<Item, Result> = {
  readonly name: string;
  /** Most items of one transaction; a request's items stay together. */
  readonly maxBatch: number;
  /** Most items that wait. */
  readonly maxWaiting: number;
  /** Transactions at a time. */
  readonly lanes: number;
  /** Applies items in one transaction; a result for each, in their order. */
  readonly apply: (items: readonly Item[]) => Promise<readonly Result[]>;
};

type Request<Item, Result> = {
  readonly items: readonly Item[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Group commit in the process: requests that come while a transaction runs wait and go together in the next one. A lone
 * request waits for nothing but the end of the current turn; the batch grows by itself with the load.
 */
export function groupRequests<Item, Result>(options: GroupOptions<Item, Result>): Group<Item, Result> {
  const { name, maxBatch, maxWaiting, lanes, apply } = options;
  const waiting: Request<Item, Result>[] = [];
  let waitingItems = 0;
  let running = 0;
  let idle: (() => void) | undefined;

  function takeBatch(): Request<Item, Result>[] {
    const batch: Request<Item, Result>[] = [];
    let size = 0;
    for (let next = waiting[0]; next && (size === 0 || size + next.items.length <= maxBatch); next = waiting[0]) {
      waiting.shift();
      batch.push(next);
      size += next.items.length;
    }
    waitingItems -= size;
    return batch;
  }

  async function runLane(): Promise<void> {
    while (waiting.length > 0) await applyBatch(takeBatch(), apply);
    running -= 1;
    if (running === 0) idle?.();
  }

  return {
    run(items) {
      if (waitingItems + items.length > maxWaiting) {
        return Promise.reject(
          new AppError("RESOURCE_EXHAUSTED", `${name}: ${waitingItems} are waiting already; try again later`, {
            reason: "QUEUE_FULL",
            retryAfterMs: 500,
          }),
        );
      }
      const { promise, resolve, reject } = Promise.withResolvers<readonly Result[]>();
      waiting.push({ items, resolve, reject });
      waitingItems += items.length;
      if (running < lanes) {
        running += 1;
        // What the same read of a socket brought joins this batch.
        setImmediate(() => void runLane());
      }
      return promise;
    },
    async [Symbol.asyncDispose]() {
      if (running === 0) return;
      await new Promise<void>((resolve) => {
        idle = resolve;
      });
    },
  };
}

async function applyBatch<Item, Result>(
  batch: readonly Request<Item, Result>[],
  apply: GroupOptions<Item, Result>["apply"],
): Promise<void> {
  if (batch.length === 0) return;
  try {
    const results = await apply(batch.flatMap((request) => request.items));
    let at = 0;
    for (const request of batch) {
      request.resolve(results.slice(at, at + request.items.length));
      at += request.items.length;
    }
  } catch (error) {
    const [only] = batch;
    if (only && batch.length === 1) only.reject(error);
    else if (isAppError(error) && error.code === "UNAVAILABLE") for (const request of batch) request.reject(error);
    // One of them may be what the database refuses; the others must not fail with it.
    else for (const request of batch) await applyBatch([request], apply);
  }
}
