// Shared by all subjects of agent-create: what is timed, and what an agent is made of.
import { writeSync } from "node:fs";

const warmUp = 10_000;

export const instructions = "You answer questions about the weather in one sentence.";
export const toolName = "get_weather";
export const toolDescription = "The weather of a city today";

export async function getWeather({ city }) {
  return { city, sky: "clear" };
}

/**
 * Creates `count` agents (argument of the process), keeps them all, and prints the microseconds and the bytes of heap
 * that one took.
 */
export function measureCreation(create) {
  const count = Number(process.argv[2]);
  let kept = fill(create, warmUp);
  kept = new Array(count).fill(undefined);
  collect();
  const before = process.memoryUsage().heapUsed;
  const began = performance.now();
  for (let index = 0; index < count; index++) kept[index] = create();
  const elapsedMs = performance.now() - began;
  collect();
  const bytes = process.memoryUsage().heapUsed - before;
  if (kept[count - 1] === undefined) throw new Error("no agent was created");
  const figures = { createUs: (elapsedMs * 1000) / count, heapBytes: bytes / count };
  writeSync(1, `\n${JSON.stringify(figures)}\n`);
  // Some peers keep timers or sockets open.
  process.exit(0);
}

function fill(create, count) {
  return Array.from({ length: count }, () => create());
}

function collect() {
  for (let round = 0; round < 3; round++) globalThis.gc();
}
