// Shared by all subjects of tool-turn: what is asked, the tool, and how runs are timed.
import { writeSync } from "node:fs";

const [, , runs, inFlight, upstream] = process.argv;
const warmUp = 500;

export const url = upstream;
export const model = "canned";
export const instructions = "You answer questions about the weather in one sentence.";
export const question = "What is the weather in Oslo?";
export const toolName = "get_weather";
export const toolDescription = "The weather of a city today";
export const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

export async function getWeather({ city }) {
  return { city, sky: "clear" };
}

/** Does all runs, so many in flight, checks every answer, and prints runs a second and the CPU of one in milliseconds. */
export async function measureTurns(run) {
  await all(run, warmUp);
  const cpu = process.cpuUsage();
  const began = performance.now();
  await all(run, Number(runs));
  const elapsedMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  const figures = { runsPerS: (Number(runs) * 1000) / elapsedMs, cpuMs: (user + system) / 1000 / Number(runs) };
  writeSync(1, `\n${JSON.stringify(figures)}\n`);
  process.exit(0);
}

async function all(run, count) {
  let left = count;
  async function worker() {
    while (left > 0) {
      left -= 1;
      const answer = await run();
      if (answer !== "It is clear in Oslo today.") throw new Error(`a run answered ${JSON.stringify(answer)}`);
    }
  }
  await Promise.all(Array.from({ length: Number(inFlight) }, worker));
}
