import { groupCommit } from "@agentmesh/postgres";
import { type Claim, StepResult } from "@agentmesh/proto/orchestrator";
import { retry } from "@agentmesh/resilience";
import type { Context } from "../context.ts";

/** Resolves with whether the result counted. @throws when the orchestrator was not reached until the signal */
export type ReportResult = (result: StepResult, signal: AbortSignal) => Promise<boolean>;

const MAX_RESULTS = 256;
const PARALLEL_CALLS = 2;
// Below the 4 MiB of a message, with room for one large result on top.
const MAX_CALL_BYTES = 2 * 1024 * 1024;
const TRIES = 20;
const RETRY = { delayMs: 200, maxDelayMs: 2_000 };

export type ReporterOptions = {
  readonly worker: string;
  /** Whether what comes next in a run may be given to this worker with the answer. */
  readonly takesNext: () => boolean;
  /** @param askedAtMs when the call was sent: a lease began no earlier */
  readonly onNext: (claims: readonly Claim[], askedAtMs: number) => void;
};

/** Results that become ready while others are being reported go with the next call. */
export function createReporter({ peers }: Pick<Context, "peers">, options: ReporterOptions): ReportResult {
  const { worker, takesNext, onNext } = options;
  const report = groupCommit<StepResult, boolean>({
    name: "step results",
    maxItems: MAX_RESULTS,
    concurrency: PARALLEL_CALLS,
    async commit(results) {
      const accepted: boolean[] = [];
      for (const part of partsOf(results)) {
        const askedAtMs = performance.now();
        const reply = await peers.orchestrator.completeSteps({ worker, results: part, takesNext: takesNext() });
        accepted.push(...reply.accepted);
        onNext(reply.next, askedAtMs);
      }
      return accepted;
    },
  });
  return (result, signal) => retry(() => report(result), { ...RETRY, attempts: TRIES, signal });
}

function partsOf(results: readonly StepResult[]): StepResult[][] {
  const parts: StepResult[][] = [];
  let part: StepResult[] = [];
  let bytes = 0;
  for (const result of results) {
    const size = StepResult.encode(result).finish().length;
    if (part.length > 0 && bytes + size > MAX_CALL_BYTES) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(result);
    bytes += size;
  }
  return part.length > 0 ? [...parts, part] : parts;
}
