import { isAppError } from "@agentmesh/errors";
import { Run, RunEvent, RunState } from "@agentmesh/proto/orchestrator";
import type { Shell } from "./command.ts";
import { isLive } from "./live.ts";
import { usd } from "./money.ts";
import type { Output } from "./output.ts";
import { type Progress, progressLine } from "./progress-line.ts";
import { stateCell } from "./state.ts";
import { took } from "./time.ts";
import { indent, yamlText } from "./yaml-text.ts";

/** A stream that breaks is taken up after the last event; so often in a row without a new one. */
const MAX_BREAKS = 5;

/**
 * Prints a line per event of a run, from its start to its end, then how it ended. For programs: lines `{"event": …}` and a
 * last one `{"run": …}`. Answers 0 when the run succeeded.
 */
export async function followRun(shell: Shell, id: string): Promise<number> {
  const { out, signal, settings } = shell;
  const session = await shell.session();
  const progress: Progress = { startedMs: new Map(), toldMs: new Map(), decided: new Set() };
  let afterSeq = 0;
  for (let breaks = 0; ; ) {
    await session.renew();
    try {
      for await (const event of session.mesh.orchestrator.watchRun({ id, afterSeq }, { signal })) {
        afterSeq = Math.max(afterSeq, event.seq);
        breaks = 0;
        out.each({ event: RunEvent.toJSON(event) }, () => printEvent(out, event, progress));
      }
    } catch (error) {
      if (signal.aborted) out.note(`\nthe run goes on; ${settings.program} cancel ${id} would stop it`);
      const passes = isAppError(error) && (error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED");
      if (!passes || ++breaks > MAX_BREAKS) throw error;
      continue;
    }
    const run = await session.mesh.orchestrator.getRun({ id });
    // A gateway that drains ends its streams; the run goes on.
    if (isLive(run) && ++breaks <= MAX_BREAKS) continue;
    out.each({ run: Run.toJSON(run) }, () => printEnd(out, run));
    return run.state === RunState.SUCCEEDED ? 0 : 1;
  }
}

function printEvent(out: Output, event: RunEvent, progress: Progress): void {
  const line = progressLine(out, event, progress);
  if (line !== undefined) out.line(line);
}

function printEnd(out: Output, run: Run): void {
  const state = stateCell(run.state);
  const text = typeof state === "string" ? state : out.paint(state.style, state.text);
  const facts = [took(run.createdAt, run.endedAt, new Date()), usd(run.costNanoUsd), run.id].join(" · ");
  out.line(`\n${text}  ${out.paint("dim", facts)}`);
  if (run.failure) out.line(`${out.paint("red", run.failure.code)}: ${run.failure.message}`);
  if (run.output !== undefined && run.output !== null) out.line(indent(yamlText(run.output)));
}
