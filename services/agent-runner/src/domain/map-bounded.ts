/** Maps with at most `places` at work at once; results in input order, the first failure is thrown. */
export async function mapBounded<T, R>(
  items: readonly T[],
  places: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  if (items.length <= places) return Promise.all(items.map(work));
  const results: R[] = [];
  const pending = items.entries();
  async function worker(): Promise<void> {
    for (const [index, item] of pending) results[index] = await work(item, index);
  }
  await Promise.all(Array.from({ length: places }, worker));
  return results;
}
