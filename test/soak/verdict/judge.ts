import type { KindCount } from "../load/tally.ts";
import type { Window } from "../watch/window.ts";
import { type Books, someOf } from "./books.ts";
import { type Trend, trendOf } from "./trend.ts";

/** How fast the heap of a service may grow. At that pace the least container, 512 MB, lives for more than a day. */
export const boundMbPerH = 10;
/** Of all requests, those that may fail: the machine may be busy with something else. */
const failuresAllowed = 0.001;
/** The same of those that are told to come again: more, and the pace is too much for the machine. */
const refusalsAllowed = 0.02;

export type Evidence = {
  readonly windows: readonly Window[];
  readonly restarts: readonly string[];
  readonly requests: KindCount;
  readonly books: Books;
  /** Requests the upstream had. */
  readonly upstreamRequests: number;
  /** What did not come to rest after the load. */
  readonly restless: readonly string[];
};

/** What is wrong, for people; nothing: the soak is passed. */
export function judge(evidence: Evidence): string[] {
  const { windows, restarts, requests, books, upstreamRequests, restless } = evidence;
  const problems = [...restless];
  for (const [service, { slopeMbPerH, noiseMbPerH, verdict }] of trendsOf(windows)) {
    if (verdict !== "leaks") continue;
    problems.push(
      `the heap of ${service} grows by ${slopeMbPerH.toFixed(1)} ± ${noiseMbPerH.toFixed(1)} MB/h: more than ${boundMbPerH}`,
    );
  }
  if (restarts.length > 0) problems.push(`processes ended and were started anew: ${restarts.join(", ")}`);
  if (books.lost.length > 0) problems.push(`${books.lost.length} runs were lost:\n    ${someOf(books.lost)}`);
  if (books.wrong.length > 0) {
    problems.push(`${books.wrong.length} runs have not the ledger rows they should:\n    ${someOf(books.wrong)}`);
  }
  if (upstreamRequests > books.paid) {
    problems.push(`the upstream had ${upstreamRequests} requests, the ledger has ${books.paid} rows`);
  }
  if (requests.failed > requests.asked * failuresAllowed) {
    problems.push(`${requests.failed} of ${requests.asked} requests failed: more than one in ${1 / failuresAllowed}`);
  }
  if (requests.refused > requests.asked * refusalsAllowed) {
    problems.push(`${requests.refused} of ${requests.asked} requests were refused: the pace is too much`);
  }
  const unanswered = requests.asked - requests.done - requests.refused - requests.failed;
  if (unanswered > 0) problems.push(`${unanswered} requests were never answered`);
  return problems;
}

/** Of the live heap, by service. */
export function trendsOf(windows: readonly Window[]): Map<string, Trend> {
  const names = new Set(windows.flatMap(({ services }) => [...services.keys()]));
  return new Map(
    [...names].map((name) => {
      const points = windows.flatMap(({ atMs, services }) => {
        const bytes = services.get(name)?.liveHeapBytes;
        return bytes === undefined ? [] : [{ atMs, bytes }];
      });
      return [name, trendOf(points, boundMbPerH)];
    }),
  );
}
