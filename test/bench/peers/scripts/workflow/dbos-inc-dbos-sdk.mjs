import { DBOS } from "@dbos-inc/dbos-sdk";
import { serveWork, step } from "../serve-work.mjs";

async function threeSteps(input) {
  const first = await DBOS.runStep(() => step(input), { name: "first" });
  const second = await DBOS.runStep(() => step(first), { name: "second" });
  return await DBOS.runStep(() => step(second), { name: "third" });
}
const workflow = DBOS.registerWorkflow(threeSteps, { name: "threeSteps" });

DBOS.setConfig({
  name: "bench",
  systemDatabaseUrl: process.env.POSTGRES_URL,
  systemDatabasePoolSize: 20,
  logLevel: "error",
});
await DBOS.launch();

const work = serveWork({
  async start() {
    const handle = await DBOS.startWorkflow(workflow)({ ticket: "T-1", text: "three steps" });
    void handle.getResult().then(() => work.oneEnded());
  },
});
