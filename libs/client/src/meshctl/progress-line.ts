import type { RunEvent } from "@agentmesh/proto/orchestrator";
import { count } from "./money.ts";
import type { Output, Style } from "./output.ts";
import { oneLine } from "./printable.ts";
import { shortSubject } from "./subject.ts";
import { clock, duration } from "./time.ts";

/** What has to be remembered from event to event. */
export type Progress = {
  /** When each step began. */
  readonly startedMs: Map<string, number>;
  /** When the progress of each step was last told. */
  readonly toldMs: Map<string, number>;
  /** Steps whose decision was told, which says that they are done. */
  readonly decided: Set<string>;
};

/** Items of a map that end together are told together. */
const TELL_EVERY_MS = 1000;

type Data = Readonly<Record<string, unknown>>;

/** What a line says: a mark, its colour, and a text beside the step's name. */
type Said = { readonly mark: string; readonly style?: Style; readonly text?: string; readonly dim?: boolean };

const NODE_WIDTH = 20;

/** One event of a run as a line; undefined for those that only say that something is about to happen. */
export function progressLine(out: Output, event: RunEvent, progress: Progress): string | undefined {
  const { type, node, at, data = {} } = event;
  const atMs = at?.getTime() ?? 0;
  const time = out.paint("dim", at ? clock(at) : "");
  if (type === "run.started") {
    const version = data.version ? `v${data.version}` : "";
    return `${time}  started ${out.paint("bold", `${data.workflow ?? ""}`)} ${version}`.trimEnd();
  }
  if (type === "step.dispatched" || type === "step.waiting") progress.startedMs.set(node, atMs);
  if (type === "approval.decided") progress.decided.add(node);
  if (type === "step.succeeded" && progress.decided.has(node)) return undefined;
  if (type === "step.progress" && isTooSoon(progress, node, atMs)) return undefined;
  const say = sayings[type];
  const said = say ? say(data, () => spent(progress, node, atMs)) : { mark: "·", text: `${type} ${told(data)}` };
  if (!said) return undefined;
  const { mark, style = "dim", text = "", dim = false } = said;
  const flat = oneLine(text);
  const name = node === "" ? "" : `${nameOf(node).padEnd(NODE_WIDTH)} `;
  return `${time}  ${out.paint(style, mark)} ${name}${dim ? out.paint("dim", flat) : flat}`.trimEnd();
}

function isTooSoon({ startedMs, toldMs }: Progress, node: string, atMs: number): boolean {
  const last = toldMs.get(node) ?? startedMs.get(node) ?? 0;
  if (atMs - last < TELL_EVERY_MS) return true;
  toldMs.set(node, atMs);
  return false;
}

type Saying = (data: Data, spent: () => string) => Said | undefined;

const silent: Saying = () => undefined;

const sayings: Readonly<Record<string, Saying>> = {
  // How a run ended is said beneath its last event.
  "run.succeeded": silent,
  "run.failed": silent,
  "run.cancelled": silent,
  "run.paused": ({ by }) => ({ mark: "‖", style: "yellow", text: `paused${byWhom(by)}` }),
  "run.resumed": ({ by, pausedMs }) => ({ mark: "▸", text: `goes on${byWhom(by)} after ${millis(pausedMs)}` }),
  "run.retried": ({ by, steps }) => ({
    mark: "↻",
    style: "yellow",
    text: `goes on${byWhom(by)} from ${listed(steps)}`,
  }),
  "run.compensating": (data) => ({ mark: "↩", style: "yellow", text: `undoes what it did: ${told(data)}` }),
  "run.at_risk": ({ slaAtMs }) => ({
    mark: "!",
    style: "yellow",
    text: `will probably not have ended by ${timeOf(slaAtMs)}`,
  }),
  // Beside the step in doubt that it is about.
  "run.needs_attention": silent,
  "step.queued": silent,
  "step.started": silent,
  "step.dispatched": ({ attempt }) => ({ mark: "→", text: Number(attempt) > 1 ? `try ${attempt}` : "", dim: true }),
  "step.waiting": (data) => ({ mark: "◐", text: `waits ${waitedFor(data)}`, dim: true }),
  "step.progress": ({ total, ok, failed }) => ({
    mark: "·",
    text: shareOf(Number(total), Number(ok), Number(failed)),
    dim: true,
  }),
  "step.succeeded": (_data, spent) => ({ mark: "✓", style: "green", text: spent() }),
  "step.skipped": ({ reason }) => ({ mark: "-", text: `skipped${reason ? `: ${reason}` : ""}`, dim: true }),
  "step.retried": (data) => ({ mark: "↻", style: "yellow", text: `again in ${millis(data.delayMs)}  ${told(data)}` }),
  "step.taken_over": ({ worker, delayMs }) => ({
    mark: "↻",
    style: "yellow",
    text: `its worker went away (${worker ?? "unknown"}); again in ${millis(delayMs)}`,
  }),
  "step.failed": (data) => ({ mark: "✗", style: "red", text: told(data) }),
  "step.cancelled": () => ({ mark: "⊘", text: "cancelled", dim: true }),
  "step.in_doubt": ({ reason, undo }) => ({
    mark: "?",
    style: "yellow",
    text: `${undo ? "its undo gave up" : "nobody knows whether it happened"}; a person decides: ${reason ?? ""}`,
  }),
  "step.resolved": ({ by, action }) => ({ mark: "▸", text: `resolved${byWhom(by)}: ${action ?? ""}` }),
  "approval.requested": ({ title, argsHash }) => ({
    mark: "◐",
    style: "yellow",
    text: `asks: ${title ?? ""}  (${argsHash ?? ""})`,
  }),
  "approval.escalated": ({ subjects, roles }) => ({
    mark: "◐",
    style: "yellow",
    text: `asks ${listed(subjects, roles)} too`,
  }),
  "approval.decided": ({ state, by, comment }) => ({
    mark: state === "approved" ? "✓" : "✗",
    style: state === "approved" ? "green" : "red",
    text: `${state ?? ""}${byWhom(by)}${comment ? `: ${comment}` : ""}`,
  }),
};

const UNDO = "~undo";

function nameOf(node: string): string {
  return node.endsWith(UNDO) ? `↩ ${node.slice(0, -UNDO.length)}` : node;
}

function told({ code, message }: Data): string {
  return `${code ?? ""}${message ? `: ${message}` : ""}`;
}

function byWhom(by: unknown): string {
  return by ? ` by ${shortSubject(String(by))}` : "";
}

function millis(value: unknown): string {
  return duration(Number(value ?? 0));
}

function timeOf(value: unknown): string {
  return typeof value === "number" ? clock(new Date(value)) : "";
}

function listed(...lists: readonly unknown[]): string {
  return lists.flatMap((list) => (Array.isArray(list) ? list.map(String) : [])).join(", ");
}

function waitedFor({ total, child, event, publisher, key, firesAtMs, from }: Data): string {
  if (child !== undefined) return `for run ${child}`;
  if (event !== undefined) return `for ${event} of ${publisher}${key === undefined ? "" : ` (${key})`}`;
  if (firesAtMs !== undefined) return `until ${timeOf(firesAtMs)}`;
  if (total !== undefined) return `for ${count(Number(total))} items`;
  return from === undefined ? "" : `for ${listed(from)}`;
}

function shareOf(total: number, ok: number, failed: number): string {
  return `${count(ok + failed)} of ${count(total)}${failed > 0 ? `, ${count(failed)} failed` : ""}`;
}

function spent({ startedMs }: Progress, node: string, atMs: number): string {
  const from = startedMs.get(node);
  return from === undefined ? "" : duration(Math.max(0, atMs - from));
}
