import { setTimeout as delay } from "node:timers/promises";
import { type Child, tailOf } from "./child.ts";

const firstWaitMs = 10;
const longestWaitMs = 250;
const slowAfterMs = 3_000;

export type ReadyOptions = {
  /** What is waited for, as it stands in the error: "PostgreSQL on 127.0.0.1:7120". */
  readonly what: string;
  readonly timeoutMs: number;
  /** One probe: resolves when the server really answered, rejects otherwise. */
  readonly probe: () => Promise<void>;
  /** When given, its death ends the wait at once. */
  readonly child?: Child;
  readonly logFile?: string;
  /** Told once, with what is waited for and why, when it takes longer than 3 s. */
  readonly onSlow?: (line: string) => void;
  /** A reason to wait no longer. */
  readonly giveUp?: () => string | undefined;
};

/** Probes with growing waits until it answers. Rejects at the bound or when the child died, with the tail of its log. */
export async function awaitReady(options: ReadyOptions): Promise<void> {
  const began = performance.now();
  const deadline = began + options.timeoutMs;
  let told = false;
  let waitMs = firstWaitMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      await options.probe();
      return;
    } catch (error) {
      last = error;
    }
    if (options.child?.hasExited()) {
      const { code, signal } = await options.child.exited;
      throw new Error(
        `${options.what}: the process ended (${signal ?? `exit code ${code}`})${logTail(options.logFile)}`,
      );
    }
    if (!told && performance.now() - began > slowAfterMs) {
      told = true;
      options.onSlow?.(`waiting for ${options.what}: ${messageOf(last)}`);
    }
    const hopeless = options.giveUp?.();
    if (hopeless !== undefined) throw new Error(`${options.what}: ${hopeless}${logTail(options.logFile)}`);
    await delay(waitMs);
    waitMs = Math.min(longestWaitMs, waitMs * 1.5);
  }
  const outcome = `no answer within ${options.timeoutMs} ms (${messageOf(last)})`;
  throw new Error(`${options.what}: ${outcome}${logTail(options.logFile)}`, { cause: last });
}

function messageOf(error: unknown): string {
  // A refused connection to a name with two addresses is an AggregateError without a message of its own.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join(", ");
  return error instanceof Error ? error.message : String(error);
}

function logTail(logFile: string | undefined): string {
  const tail = logFile === undefined ? "" : tailOf(logFile);
  return tail === "" ? "" : `\n--- end of ${logFile}\n${tail}`;
}
