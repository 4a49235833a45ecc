import { AppError } from "@agentmesh/errors";
import { retry } from "@agentmesh/resilience";
import type { Tool } from "../domain/tool.ts";
import type { ToolSpec } from "../domain/tool-spec.ts";

const MAX_RETRY_DELAY_MS = 10_000;

/**
 * A call that leaves the process: each try has its own time, and one that failed in a way that may pass is tried again as
 * the declaration says. The idempotency key is the same in all of them.
 */
export function callWithin(
  spec: Pick<ToolSpec, "timeoutMs" | "retry" | "effect">,
  name: string,
  run: Tool["run"],
): Tool["run"] {
  const { timeoutMs, effect } = spec;
  const attempts = effect === "effectful" ? 1 : spec.retry.attempts;
  async function once(...[args, context]: Parameters<Tool["run"]>): Promise<unknown> {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      return await run(args, { ...context, signal: AbortSignal.any([context.signal, timeout]) });
    } catch (cause) {
      if (!timeout.aborted || context.signal.aborted) throw cause;
      throw new AppError("DEADLINE_EXCEEDED", `the tool ${name} did not answer within ${timeoutMs} ms`, {
        reason: "TOOL_TIMEOUT",
        cause,
      });
    }
  }
  if (attempts === 1) return once;
  return (args, context) =>
    retry(() => once(args, context), {
      attempts,
      delayMs: spec.retry.delayMs,
      maxDelayMs: MAX_RETRY_DELAY_MS,
      signal: context.signal,
    });
}
