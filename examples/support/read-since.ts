/** One page of a list that is ordered newest first, each row with its time. */
export type Page<T> = {
  readonly rows: readonly { readonly row: T; readonly at: Date | undefined }[];
  readonly next: string;
};

const pageSize = 100;
const maxPages = 200;
/** The clocks of two machines may differ by this much. */
const clockSkewMs = 5_000;

/** Reads such a list back to a time, at most 20 000 rows. */
export async function readSince<T>(
  since: Date,
  read: (pageToken: string, pageSize: number) => Promise<Page<T>>,
): Promise<T[]> {
  const earliestMs = since.getTime() - clockSkewMs;
  const found: T[] = [];
  let token = "";
  for (let page = 0; page < maxPages; page++) {
    const { rows, next } = await read(token, pageSize);
    const recent = rows.filter(({ at }) => at === undefined || at.getTime() >= earliestMs);
    found.push(...recent.map(({ row }) => row));
    if (next === "" || recent.length < rows.length) return found;
    token = next;
  }
  return found;
}
