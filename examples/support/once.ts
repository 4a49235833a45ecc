import { reportJson, reportLines } from "./report-text.ts";
import { applyResources, type JobOptions, runJob } from "./run-job.ts";
import { type Edge, openSession } from "./session.ts";

export type { Edge } from "./session.ts";

export type OnceOptions = Omit<JobOptions, "progress" | "publish"> & {
  /** One JSON object on standard output instead of a table. */
  readonly json: boolean;
};

/** Applies resources.yaml. */
export async function applyExample(edge: Edge): Promise<void> {
  await using session = await openSession(edge);
  await applyResources(session);
}

/**
 * Runs the job and prints its outcome. Answers 0 only if every ticket ended as it should, each model call has exactly
 * one row in the ledger, and the audit trail verifies.
 */
export async function runOnce(options: OnceOptions): Promise<number> {
  // Standard output is for the outcome alone.
  const report = await runJob({ ...options, progress: (line) => process.stderr.write(`${line}\n`) });
  process.stdout.write(options.json ? `${reportJson(report)}\n` : `${reportLines(report).join("\n")}\n`);
  return report.ok ? 0 : 1;
}
