export type InFlight = AsyncDisposable & {
  /** Remembers work until it ends; its own outcome goes to whoever awaits what is returned. */
  track<T>(work: Promise<T>): Promise<T>;
};

/** Work that outlives the call that began it: a caller that went away still has its usage recorded. */
export function trackInFlight(): InFlight {
  const pending = new Set<Promise<void>>();
  return {
    track(work) {
      const ended = work.then(forget, forget);
      function forget(): void {
        pending.delete(ended);
      }
      pending.add(ended);
      return work;
    },
    async [Symbol.asyncDispose]() {
      // What ends may begin more, such as storing an answer in the cache.
      while (pending.size > 0) await Promise.all(pending);
    },
  };
}
