/** One event of those that one transaction has for a tenant: the first, which carries the others. */
type Emitted<T> = { readonly tenant: string; readonly id: string; readonly data: T };

// A failure's message may have four thousand characters; a message of the bus takes a mebibyte.
const MAX_TOGETHER = 100;

/**
 * Joins the events of one kind that a transaction has for a tenant: under load a message, an outbox row and a consumer's
 * transaction for many runs instead of one each.
 */
export function together<T extends object>(events: readonly Emitted<T>[]): Emitted<T & { more: T[] }>[] {
  const joined: Emitted<T & { more: T[] }>[] = [];
  for (const all of Map.groupBy(events, (event) => event.tenant).values()) {
    for (let at = 0; at < all.length; at += MAX_TOGETHER) {
      const [first, ...more] = all.slice(at, at + MAX_TOGETHER);
      if (first) joined.push({ ...first, data: { ...first.data, more: more.map(({ data }) => data) } });
    }
  }
  return joined;
}
