// It has no joins: each item's job writes its result once and counts down what is left of its map; whoever takes the
// last adds the job that brings all together.
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { serveWork, step } from "../serve-work.mjs";

const concurrency = 24;
const quiet = new Logger(() => () => undefined);
const pgPool = new pg.Pool({ connectionString: process.env.POSTGRES_URL, max: concurrency + 10 });
const utils = await makeWorkerUtils({ pgPool, logger: quiet });
await utils.migrate();
await pgPool.query(`
  CREATE TABLE IF NOT EXISTS map (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, missing int NOT NULL);
  CREATE TABLE IF NOT EXISTS result (map bigint, n int, value int NOT NULL, PRIMARY KEY (map, n))`);
const finishItem = {
  name: "finish-item",
  text: `WITH fresh AS (INSERT INTO result VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1)
    UPDATE map SET missing = missing - 1 WHERE id = $1 AND EXISTS (SELECT FROM fresh) RETURNING missing`,
};

let done = 0;
await run({
  pgPool,
  logger: quiet,
  noHandleSignals: true,
  concurrency,
  pollInterval: 1_000,
  preset: { worker: { localQueue: { size: concurrency * 2 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  taskList: {
    async item({ map, n }, helpers) {
      const values = [map, n, await step(n)];
      done++;
      const { rows } = await helpers.withPgClient((client) => client.query({ ...finishItem, values }));
      if (rows[0]?.missing === 0) await helpers.addJob("gather", { map });
    },
    async gather({ map }, helpers) {
      const { rows } = await helpers.query("SELECT sum(value)::float8 AS sum FROM result WHERE map = $1", [map]);
      work.oneEnded({ sum: rows[0].sum, done });
    },
  },
});

const jobsAtOnce = 1_000;
const work = serveWork({
  async start(items) {
    done = 0;
    const { rows } = await pgPool.query("INSERT INTO map (missing) VALUES ($1) RETURNING id", [items]);
    const map = rows[0].id;
    for (let from = 0; from < items; from += jobsAtOnce) {
      const length = Math.min(jobsAtOnce, items - from);
      await utils.addJobs(Array.from({ length }, (_, n) => ({ identifier: "item", payload: { map, n: from + n } })));
    }
  },
});
