/** Ctrl-C reaches a process behind npm more than once; a signal after this time is a second one. */
const sameSignalMs = 1_000;

/** The first signal aborts, and everything is ended in order; a second one ends this process where it stands. */
export function onInterrupt(): Disposable & { readonly signal: AbortSignal } {
  const abort = new AbortController();
  let firstAtMs = 0;
  const stop = () => {
    if (!abort.signal.aborted) {
      firstAtMs = performance.now();
      abort.abort(new Error("interrupted"));
    } else if (performance.now() - firstAtMs > sameSignalMs) process.exit(130);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return {
    signal: abort.signal,
    [Symbol.dispose]: () => void process.off("SIGINT", stop).off("SIGTERM", stop),
  };
}
