import type { SoakResult } from "./run-soak.ts";
import { boundMbPerH, trendsOf } from "./verdict/judge.ts";
import { sumOf } from "./verdict/spans.ts";
import type { ServiceWindow, Window } from "./watch/window.ts";

const mb = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);

/** One line for whoever looks on. */
export function renderProgress(window: Window, requests: { asked: number; refused: number; failed: number }): string {
  const heaps = [...window.services].map(([name, { liveHeapBytes, rssBytes, openSpansLeast }]) => {
    const spans = openSpansLeast === 0 ? "" : ` ${openSpansLeast} spans`;
    return `${name} ${mb(liveHeapBytes)}/${mb(rssBytes)}${spans}`;
  });
  const minutes = (window.atMs / 60_000).toFixed(1);
  return `${minutes} min  ${requests.asked} asked, ${requests.refused} refused, ${requests.failed} failed  live heap/RSS MB: ${heaps.join("  ")}`;
}

/** The tables at the end. */
export function renderResult(result: SoakResult): string {
  const { windows, books, tally, runs, load, upstreamRequests, spans, problems } = result;
  const total = tally.total();
  const caches = [...runs.byCache].map(([tier, count]) => `${tier || "none"} ${count}`).join(", ");
  const [started, ended] = [
    sumOf(spans.byService, (each) => each.started),
    sumOf(spans.byService, (each) => each.ended),
  ];
  const failures = [...tally.failures].map(
    ([reason, { count, samples }]) => `  ${count} × ${reason}\n    ${samples[0]}`,
  );
  return [
    table(
      [
        "service",
        "live heap MB",
        "slope MB/h",
        "verdict",
        "floor MB",
        "RSS MB",
        "handles",
        "lag max ms",
        "spans",
        "open",
      ],
      serviceRows(result),
    ),
    "",
    table(["requests", "asked", "refused", "failed"], kindRows(result)),
    "",
    table(["store", "first", "last"], storeRows(windows)),
    "",
    `runs ${books.runs} (cache: ${caches}); model calls ${books.modelCalls}, ${books.failedCalls} of them failed`,
    `ledger: ${books.paid} rows for model calls, ${books.hits} for answers from the cache; the upstream had ${upstreamRequests} requests`,
    `spans: ${started} begun, ${ended} ended, ${spans.received} at the collector; requests held back: ${load.heldBack}`,
    ...(failures.length > 0 ? ["", `${total.refused} refused, ${total.failed} failed:`, ...failures] : []),
    "",
    problems.length === 0
      ? `passed: no heap grows beyond ${boundMbPerH} MB/h, no span is open, no run is lost, all usage is in the ledger`
      : `NOT PASSED:\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
  ].join("\n");
}

/** The same as one object. */
export function toJson({ windows, books, tally, runs, load, ...rest }: SoakResult): object {
  return {
    passed: rest.problems.length === 0,
    problems: rest.problems,
    services: Object.fromEntries(
      [...trendsOf(windows)].map(([name, trend]) => [
        name,
        { ...trend, first: windows[0]?.services.get(name), last: windows.at(-1)?.services.get(name) },
      ]),
    ),
    requests: Object.fromEntries(tally.byKind),
    failures: Object.fromEntries(tally.failures),
    heldBack: load.heldBack,
    cache: Object.fromEntries(runs.byCache),
    books,
    upstreamRequests: rest.upstreamRequests,
    spans: { ...Object.fromEntries(rest.spans.byService), received: rest.spans.received },
    stores: { first: windows[0]?.stores, last: windows.at(-1)?.stores },
  };
}

function serviceRows({ windows, spans }: SoakResult): string[][] {
  return [...trendsOf(windows)].map(([name, { slopeMbPerH, noiseMbPerH, verdict }]) => {
    const [first, last] = ends(windows, name);
    const { started, ended } = spans.byService.get(name) ?? { started: 0, ended: 0 };
    const change = (pick: (window: ServiceWindow) => string | number) => `${pick(first)} → ${pick(last)}`;
    const lag = Math.max(...windows.map(({ services }) => services.get(name)?.lagMaxMs ?? 0));
    return [
      name,
      change(({ liveHeapBytes }) => mb(liveHeapBytes)),
      verdict === "too short" ? "" : `${slopeMbPerH.toFixed(1)} ± ${noiseMbPerH.toFixed(1)}`,
      verdict,
      change(({ heapFloorBytes }) => mb(heapFloorBytes)),
      change(({ rssBytes }) => mb(rssBytes)),
      change(({ handles }) => handles),
      lag.toFixed(0),
      String(started),
      String(started - ended),
    ];
  });
}

/** The first window and the last that have the service. */
function ends(windows: readonly Window[], name: string): [ServiceWindow, ServiceWindow] {
  const all = windows.flatMap(({ services }) => services.get(name) ?? []);
  const [first] = all;
  const last = all.at(-1);
  if (!first || !last) throw new Error(`there is no window with ${name}`);
  return [first, last];
}

function kindRows({ tally }: SoakResult): string[][] {
  const rows = [...tally.byKind].map(([kind, { asked, refused, failed }]) => [
    kind,
    ...[asked, refused, failed].map(String),
  ]);
  const { asked, refused, failed } = tally.total();
  return [...rows.sort(), ["all", ...[asked, refused, failed].map(String)]];
}

function storeRows(windows: readonly Window[]): string[][] {
  const [first, last] = [windows[0]?.stores, windows.at(-1)?.stores];
  if (!first || !last) return [];
  return [
    ["PostgreSQL rows", String(first.postgresRows), String(last.postgresRows)],
    ["PostgreSQL MB", mb(first.postgresBytes), mb(last.postgresBytes)],
    ["Redis MB", mb(first.redisBytes), mb(last.redisBytes)],
    ["Redis keys", String(first.redisKeys), String(last.redisKeys)],
    ["JetStream messages", String(first.jetstreamMessages), String(last.jetstreamMessages)],
    ["JetStream MB", mb(first.jetstreamBytes), mb(last.jetstreamBytes)],
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line)].join("\n");
}
