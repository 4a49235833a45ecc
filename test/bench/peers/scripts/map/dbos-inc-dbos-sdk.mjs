import { DBOS } from "@dbos-inc/dbos-sdk";
import { serveWork, step } from "../serve-work.mjs";

const atOnce = 200;
let done = 0;
const item = DBOS.registerWorkflow(
  async (n) => {
    const given = await DBOS.runStep(() => step(n), { name: "item" });
    done++;
    return given;
  },
  { name: "item" },
);

// One after the other would be a round trip each; a batch keeps its order.
async function inBatches(values, call) {
  const results = [];
  for (let from = 0; from < values.length; from += atOnce) {
    results.push(...(await Promise.all(values.slice(from, from + atOnce).map(call))));
  }
  return results;
}

const all = DBOS.registerWorkflow(
  async (items) => {
    const list = Array.from({ length: items }, (_, n) => n);
    const handles = await inBatches(list, (n) => DBOS.startWorkflow(item, { queueName: "items" })(n));
    await DBOS.waitAll(handles, { pollingIntervalMs: 50 });
    const given = await inBatches(handles, (handle) => handle.getResult());
    return given.reduce((sum, n) => sum + n, 0);
  },
  { name: "all" },
);

DBOS.setConfig({
  name: "bench",
  systemDatabaseUrl: process.env.POSTGRES_URL,
  systemDatabasePoolSize: 50,
  logLevel: "error",
});
await DBOS.launch();
// Left at its default of a second, the queue's polling would be most of what is measured.
await DBOS.registerQueue("items", { minPollingIntervalMs: 100 });

const work = serveWork({
  async start(items) {
    const before = done;
    const handle = await DBOS.startWorkflow(all)(items);
    void handle.getResult().then((sum) => work.oneEnded({ sum, done: done - before }));
  },
});
