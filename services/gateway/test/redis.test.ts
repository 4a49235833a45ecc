import assert from "node:assert/strict";
import { test } from "node:test";
import { testEnvironment } from "@agentmesh/harness";
import { createLogger } from "@agentmesh/telemetry";
import { openRedis, runScript, scriptOf } from "../src/redis.ts";

const log = createLogger({ service: "gateway", environment: "test", version: "0", level: "error" });

test("scripts of one turn of the event loop reach Redis in one write", async () => {
  await using environment = await testEnvironment("gateway", { postgres: false, nats: false });
  await using connection = await openRedis(environment.redisUrl, log);
  const { redis } = connection;
  const reads = async () => Number(/^total_reads_processed:(\d+)/m.exec(await redis.info("stats"))?.[1]);
  const script = scriptOf("return ARGV[1]");
  assert.deepEqual(await runScript(redis, script, [], [7]), [7]);
  const before = await reads();
  const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => runScript(redis, script, [], [at])));
  const after = await reads();
  assert.deepEqual(answers.flat(), [...answers.keys()]);
  // That of `info` itself is one of them.
  assert.ok(after - before <= 3, `${after - before} reads for 50 scripts`);
});
