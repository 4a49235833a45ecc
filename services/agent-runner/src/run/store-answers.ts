import type { StoreRequest } from "@agentmesh/proto/cache";
import type { cacheContract } from "@agentmesh/proto/cache.contract";
import type { Client, DeepPartial } from "@agentmesh/rpc";

/** An answer for the cache, and the token and tenant of whom it was made for. */
export type KeptAnswer = {
  readonly token: string;
  readonly tenant: string;
  readonly store: DeepPartial<StoreRequest> & { value: Buffer };
};

// Under the bound of one message, whatever the answers hold.
const MAX_BYTES = 2_000_000;

/** One call for all answers of a caller: the runs of a batch are committed together, so they are kept together. */
export async function storeAnswers(
  cache: Client<typeof cacheContract>,
  kept: readonly KeptAnswer[],
): Promise<readonly true[]> {
  const byToken = Map.groupBy(kept, ({ token }) => token);
  await Promise.all(
    [...byToken].flatMap(([token, own]) => {
      const from = { token, balanceKey: own[0]?.tenant ?? "" };
      return parts(own.map(({ store }) => store)).map(([first = {}, ...others]) =>
        others.length === 0 ? cache.store(first, from) : cache.storeMany({ stores: [first, ...others] }, from),
      );
    }),
  );
  return kept.map(() => true);
}

function parts(stores: readonly KeptAnswer["store"][]): KeptAnswer["store"][][] {
  const all: KeptAnswer["store"][][] = [[]];
  let bytes = 0;
  for (const store of stores) {
    bytes += store.value.length;
    if (bytes > MAX_BYTES && all.at(-1)?.length) {
      all.push([]);
      bytes = store.value.length;
    }
    all.at(-1)?.push(store);
  }
  return all;
}
