import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { serveWork, step } from "../serve-work.mjs";

const connection = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const prefix = `bench-${process.pid}`;
const options = { connection, prefix, skipVersionCheck: true };
const defaultJobOptions = { removeOnComplete: 1_000 };
const second = new Queue("second", { ...options, defaultJobOptions });
const third = new Queue("third", { ...options, defaultJobOptions });
const first = new Queue("first", { ...options, defaultJobOptions });

function work(name, processor) {
  const worker = new Worker(name, processor, { ...options, connection: connection.duplicate(), concurrency: 64 });
  worker.on("error", () => undefined);
  return worker;
}
work("first", async (job) => void (await second.add("second", await step(job.data))));
work("second", async (job) => void (await third.add("third", await step(job.data))));
const last = work("third", async (job) => await step(job.data));

const served = serveWork({ start: () => first.add("first", { ticket: "T-1", text: "three steps" }) });
last.on("completed", () => served.oneEnded());
