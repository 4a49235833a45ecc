import type { Benchmark } from "../../harness/benchmark.ts";
import { openLimitSubject } from "./limit-subject.ts";
import { fillPartition, meshSubject } from "./mesh-subject.ts";
import { openCaches } from "./open-caches.ts";
import { questions } from "./questions.ts";

export const cache: Benchmark = {
  name: "cache",
  summary: "what an answer from each tier takes, what the index finds, and upstream calls of 1 000 equal questions",
  async open({ log }) {
    await using stack = new AsyncDisposableStack();
    const caches = stack.use(await openCaches());
    const limit = stack.use(await openLimitSubject(caches.redisUrl));
    log(`filing ${questions.length} questions`);
    await fillPartition(caches);
    const opened = stack.move();
    return {
      subjects: [meshSubject(caches), limit],
      servers: caches.versions,
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};
