import { parseArgs } from "node:util";

export type Arguments = { readonly workflows: number; readonly kills: number; readonly seed: number };

export const usage = `npm run chaos -- [options]
  --workflows N  how many are started; default 500
  --kills N      processes killed meanwhile; default 100
  --seed N       of what is started and what dies when; default 1`;

/** @throws Error naming the option, its value and what was expected */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workflows: { type: "string", default: "500" },
      kills: { type: "string", default: "100" },
      seed: { type: "string", default: "1" },
    },
  });
  return {
    workflows: wholeNumber("--workflows", values.workflows, 1, 100_000),
    kills: wholeNumber("--kills", values.kills, 0, 10_000),
    seed: wholeNumber("--seed", values.seed, 0, 2 ** 32 - 1),
  };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${name} is ${JSON.stringify(text)}: expected a whole number from ${least} to ${most}\n${usage}`);
}
