import assert from "node:assert/strict";
import { test } from "node:test";
import { testEnvironment } from "@agentmesh/harness";
import { watchSnapshot } from "../src/index.ts";
import { openBus } from "./open.ts";

test("a watch that is disposed while it is being opened ends", async () => {
  await using environment = await testEnvironment("cost", { redis: false, postgres: false });
  await using bus = await openBus(environment);
  const watch = watchSnapshot(bus, { topic: "agents", parse: (value) => value });
  const ended = await Promise.race([
    watch[Symbol.asyncDispose]().then(() => true),
    new Promise((resolve) => setTimeout(resolve, 5000, false)),
  ]);
  assert.equal(ended, true);
});
