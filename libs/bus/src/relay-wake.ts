// A process has one outbox and one relay in practice; the wake-up is a hint, so it may be shared by all.
const sleepers = new Set<() => void>();

export function wakeRelay(): void {
  for (const wake of sleepers) wake();
}

export function onWake(wake: () => void): Disposable {
  sleepers.add(wake);
  return { [Symbol.dispose]: () => sleepers.delete(wake) };
}
