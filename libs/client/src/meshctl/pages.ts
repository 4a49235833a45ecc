import type { Args } from "./args.ts";

/** The most a list command asks of a service at once. */
const PAGE = 200;

export type Page<T> = { readonly rows: readonly T[]; readonly next: string };

/** The first `limit` rows of a list, page by page. */
export async function firstRows<T>(
  limit: number,
  read: (page: { pageSize: number; pageToken: string }) => Promise<Page<T>>,
): Promise<T[]> {
  const rows: T[] = [];
  let pageToken = "";
  do {
    const page = await read({ pageSize: Math.min(PAGE, limit - rows.length), pageToken });
    rows.push(...page.rows);
    pageToken = page.rows.length === 0 ? "" : page.next;
  } while (pageToken !== "" && rows.length < limit);
  return rows.slice(0, limit);
}

/** How many rows were asked for. Read it before signing in: a mistake is said at once. @throws UsageError */
export function limitOf(args: Args): number {
  return args.number("limit") ?? DEFAULT_LIMIT;
}

const DEFAULT_LIMIT = 50;

export const limitOption = { value: "N", about: "At most so many rows; default 50" } as const;
