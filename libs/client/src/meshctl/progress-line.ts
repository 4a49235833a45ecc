import type { RunEvent } from "@agentmesh/proto/orchestrator";
import type { Output } from "./output.ts";
import { oneLine } from "./printable.ts";
import { clock, duration } from "./time.ts";

/** What has to be remembered from event to event. */
export type Progress = { readonly startedMs: Map<string, number> };

const NODE_WIDTH = 20;

/** One event of a run as a line; undefined for those that only say that something is about to happen. */
export function progressLine(out: Output, event: RunEvent, progress: Progress): string | undefined {
  const { type, node, at, data = {} } = event;
  const atMs = at?.getTime() ?? 0;
  const time = out.paint("dim", at ? clock(at) : "");
  const step = (mark: string, text: string) => `${time}  ${mark} ${node.padEnd(NODE_WIDTH)} ${text}`.trimEnd();
  const message = oneLine(`${data.code ?? ""}${data.message ? `: ${data.message}` : ""}`);
  switch (type) {
    case "run.started":
      return `${time}  started ${out.paint("bold", `${data.workflow ?? ""}`)} ${data.version ? `v${data.version}` : ""}`.trimEnd();
    // How a run ended is said beneath its last event.
    case "run.succeeded":
    case "run.failed":
    case "run.cancelled":
    case "step.queued":
    case "step.started":
      return undefined;
    case "step.dispatched":
      progress.startedMs.set(node, atMs);
      return step(out.paint("dim", "→"), out.paint("dim", Number(data.attempt) > 1 ? `try ${data.attempt}` : ""));
    case "step.succeeded":
      return step(out.paint("green", "✓"), spent(progress, node, atMs));
    case "step.skipped":
      return step(out.paint("dim", "-"), out.paint("dim", "skipped"));
    case "step.retried":
      return step(out.paint("yellow", "↻"), `again in ${duration(Number(data.delayMs ?? 0))}  ${message}`);
    case "step.taken_over":
      return step(
        out.paint("yellow", "↻"),
        `its worker went away (${data.worker ?? "unknown"}); again in ${duration(Number(data.delayMs ?? 0))}`,
      );
    case "step.failed":
      return step(out.paint("red", "✗"), message);
    case "step.cancelled":
      return step(out.paint("dim", "-"), out.paint("dim", "cancelled"));
    default:
      return `${time}  ${type} ${node} ${message}`.trimEnd();
  }
}

function spent({ startedMs }: Progress, node: string, atMs: number): string {
  const from = startedMs.get(node);
  return from === undefined ? "" : duration(Math.max(0, atMs - from));
}
