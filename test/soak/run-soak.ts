import { describeError } from "@agentmesh/errors";
import pg from "pg";
import { drive, type LoadDone } from "./load/drive.ts";
import { openRunBook, type RunBook } from "./load/run-book.ts";
import { openTally, type Tally } from "./load/tally.ts";
import { openSoakMesh, type SoakMesh } from "./mesh/open-soak-mesh.ts";
import { seeded } from "./random.ts";
import { readBooks, tickOff } from "./verdict/books.ts";
import { type Evidence, judge } from "./verdict/judge.ts";
import { awaitRest } from "./verdict/settled.ts";
import { readSpans, type Spans } from "./verdict/spans.ts";
import { openStores } from "./watch/stores.ts";
import { watchMesh } from "./watch/watch-mesh.ts";
import type { Window } from "./watch/window.ts";

export type SoakOptions = {
  readonly root: string;
  /** Names under the root that stay. Default none. */
  readonly kept?: readonly string[];
  readonly forMs: number;
  readonly ratePerS: number;
  readonly seed: number;
  /** Between two looks at each process. */
  readonly sampleMs: number;
  /** Of one point of the trend: each ends with a full collection in every service. */
  readonly windowMs: number;
  readonly log: (line: string) => void;
  readonly onWindow: (window: Window, tally: Tally) => void;
  /** The load ends; what is under way is awaited and judged all the same. */
  readonly signal: AbortSignal;
};

export type SoakResult = Evidence & {
  readonly problems: readonly string[];
  readonly tally: Tally;
  readonly runs: RunBook;
  readonly load: LoadDone;
  readonly spans: Spans;
};

/** A mesh of its own under load, watched, brought to rest, and judged. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { root, kept = [], seed, log, signal } = options;
  await using stack = new AsyncDisposableStack();
  const soak = stack.use(await openSoakMesh({ root, kept, random: seeded(seed + 1), log, signal }));
  const sql = new pg.Pool({ connectionString: inMeshDatabase(soak), max: 3 });
  sql.on("error", (error) => log(`PostgreSQL: ${describeError(error)}`));
  stack.defer(() => sql.end());
  const tally = openTally();
  const runs = openRunBook();
  const { load, ...watched } = await loadAndWatch(options, soak, sql, { tally, runs });
  log("the load is over; waiting for rest");
  const restless = await awaitRest(soak, sql);
  const evidence = {
    ...watched,
    requests: tally.total(),
    books: await readBooks(runs, sql),
    upstreamRequests: soak.upstream.requests(),
    restless,
  };
  const problems = judge(evidence);
  return { ...evidence, problems, tally, runs, load, spans: await readSpans(soak) };
}

async function loadAndWatch(
  options: SoakOptions,
  soak: SoakMesh,
  sql: pg.Pool,
  { tally, runs }: { readonly tally: Tally; readonly runs: RunBook },
) {
  const { forMs, ratePerS, seed, sampleMs, windowMs, log, signal } = options;
  await using stores = await openStores(soak.mesh, sql);
  await using watch = watchMesh({
    mesh: soak.mesh,
    stores,
    sampleMs,
    windowMs,
    log,
    async onWindow(window) {
      await tickOff(runs, sql);
      options.onWindow(window, tally);
    },
  });
  const { clients } = soak;
  const load = await drive({ clients, ratePerS, forMs, random: seeded(seed), runs, tally, signal });
  return { load, windows: watch.windows, restarts: watch.restarts };
}

function inMeshDatabase({ mesh }: SoakMesh): string {
  const url = new URL(mesh.postgresAdminUrl);
  url.pathname = new URL(mesh.postgresUrls["agent-runner"] ?? "").pathname;
  return url.href;
}
