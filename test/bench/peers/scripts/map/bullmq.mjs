// A flow: the items are children of batches of a hundred, as the mesh reduces them, and those of the last job.
import { FlowProducer, Worker } from "bullmq";
import { Redis } from "ioredis";
import { serveWork, step } from "../serve-work.mjs";

const batch = 100;
const connection = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const options = { connection, prefix: `bench-${process.pid}`, skipVersionCheck: true };
const producer = new FlowProducer(options);

function work(name, processor) {
  const worker = new Worker(name, processor, {
    ...options,
    connection: connection.duplicate(),
    concurrency: 200,
    removeOnComplete: { count: 1_000 },
  });
  worker.on("error", () => undefined);
  return worker;
}

let done = 0;
async function together(job) {
  const values = Object.values(await job.getChildrenValues());
  return values.reduce((sum, n) => sum + n, 0);
}
work("item", async (job) => {
  const given = await step(job.data.n);
  done++;
  return given;
});
work("batch", together);
work("all", together).on("completed", (_, sum) => served.oneEnded({ sum, done }));

const served = serveWork({
  async start(items) {
    done = 0;
    const children = Array.from({ length: Math.ceil(items / batch) }, (_, index) => {
      const length = Math.min(batch, items - index * batch);
      const own = Array.from({ length }, (_, n) => ({
        name: "item",
        queueName: "item",
        data: { n: index * batch + n },
      }));
      return { name: "batch", queueName: "batch", children: own };
    });
    await producer.add({ name: "all", queueName: "all", children });
  },
});
