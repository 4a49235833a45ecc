import { parseArgs } from "node:util";

export type Arguments = {
  readonly minutes: number;
  readonly seed: number;
  readonly ratePerS: number;
  readonly json: boolean;
};

const mostMinutes = 7 * 24 * 60;
/** Eight users, each within what the gateway lets one ask in an hour. */
const mostPerS = 200;

export const usage = `npm run soak -- [options]
  --minutes N  how long the load goes on; default 30
  --rate N     requests a second; default 25
  --seed N     of what is asked and when; default 1: the same seed, the same requests
  --json       one JSON object a line on standard output: a line each window, the verdict last`;

/** @throws Error naming the option, its value and what was expected */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "30" },
      rate: { type: "string", default: "25" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
    },
  });
  return {
    minutes: numberIn("--minutes", values.minutes, 0.1, mostMinutes),
    ratePerS: numberIn("--rate", values.rate, 0.1, mostPerS),
    seed: numberIn("--seed", values.seed, 0, 2 ** 32 - 1),
    json: values.json,
  };
}

function numberIn(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new Error(`${name} is ${JSON.stringify(text)}: expected a number from ${least} to ${most}\n${usage}`);
}
