import { EventEmitter } from "node:events";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { serveWork, step } from "../serve-work.mjs";

const concurrency = 24;
const quiet = new Logger(() => () => undefined);
const pgPool = new pg.Pool({ connectionString: process.env.POSTGRES_URL, max: concurrency + 10 });
const utils = await makeWorkerUtils({ pgPool, logger: quiet });
await utils.migrate();

const events = new EventEmitter();
await run({
  pgPool,
  logger: quiet,
  events,
  noHandleSignals: true,
  concurrency,
  pollInterval: 1_000,
  preset: { worker: { localQueue: { size: concurrency * 2 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  taskList: {
    async first(payload, helpers) {
      await helpers.addJob("second", await step(payload));
    },
    async second(payload, helpers) {
      await helpers.addJob("third", await step(payload));
    },
    async third(payload) {
      await step(payload);
    },
  },
});

const work = serveWork({
  start: () => utils.addJob("first", { ticket: "T-1", text: "three steps" }),
});
events.on("job:success", ({ job }) => {
  if (job.task_identifier === "third") work.oneEnded();
});
