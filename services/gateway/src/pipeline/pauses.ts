/** Stands for the time in which no frame came. */
export const PAUSE = Symbol("pause");

/**
 * Frames, and `PAUSE` once for each time that none came for `idleMs` while `isWaiting` says that it matters. A reader who
 * leaves in a pause does not wait for the next frame.
 */
export async function* withPauses<T>(
  frames: AsyncIterable<T>,
  idleMs: number,
  isWaiting: () => boolean,
): AsyncGenerator<T | typeof PAUSE> {
  const iterator = frames[Symbol.asyncIterator]();
  let isOver = false;
  try {
    for (;;) {
      const next = iterator.next();
      // It is awaited below; a reader who has left by then hears nothing of it.
      next.catch(() => undefined);
      if (isWaiting() && (await isLate(next, idleMs))) yield PAUSE;
      const result = await next;
      if (result.done) {
        isOver = true;
        return;
      }
      yield result.value;
    }
  } catch (error) {
    isOver = true;
    throw error;
  } finally {
    // Not awaited: a generator that waits for its next frame returns no sooner.
    if (!isOver) iterator.return?.().catch(() => undefined);
  }
}

async function isLate(next: Promise<unknown>, idleMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), idleMs);
  const came = () => resolve(false);
  next.then(came, came);
  const isTooLate = await promise;
  clearTimeout(timer);
  return isTooLate;
}
