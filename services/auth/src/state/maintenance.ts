import { describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";

export type Task = { readonly name: string; readonly everyMs: number; readonly run: (nowMs: number) => Promise<void> };

const TICK_MS = 1_000;

/** Runs each task when it is due, one after the other; a failure is logged and the task runs again when next due. */
export function startMaintenance(tasks: readonly Task[], log: Logger): AsyncDisposable {
  const lastRunMs = new Map<string, number>();
  let running: Promise<void> | undefined;

  async function runDue(): Promise<void> {
    for (const task of tasks) {
      const nowMs = Date.now();
      if (nowMs - (lastRunMs.get(task.name) ?? 0) < task.everyMs) continue;
      lastRunMs.set(task.name, nowMs);
      try {
        await task.run(nowMs);
      } catch (error) {
        log.warn({ task: task.name, reason: describeError(error) }, "maintenance failed; it is tried again");
      }
    }
  }

  const timer = setInterval(() => {
    // A tick that finds the one before at work is left out.
    running ??= runDue().finally(() => {
      running = undefined;
    });
  }, TICK_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}
