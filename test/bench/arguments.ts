import { parseArgs } from "node:util";

export type Arguments = {
  readonly names: readonly string[];
  readonly list: boolean;
  readonly json: boolean;
  readonly peers: boolean;
  readonly repeats: number;
  readonly stored: number;
  readonly items: number;
  readonly orchestrators: number;
  readonly profileDir: string | undefined;
};

const fewestRepeats = 3;
const mostRepeats = 100;
const mostStored = 10_000_000;
const usualItems = 1_000;
const mostItems = 100_000;
const mostOrchestrators = 8;

export const usage = `npm run bench -- NAME [NAME...] [options], or all for every benchmark
  --list       names and what they measure
  --peers      also measure the peers; they are installed once, under .agentmesh/bench-peers
  --json       one JSON object a line, nothing else on standard output
  --repeats N  of each subject, interleaved; at least ${fewestRepeats}, which is the default
  --stored N   workflow: finished runs that are in the database before; the CPU metric carries N in its name
  --orchestrators N  workflow: also a mesh with N replicas of the orchestrator, at most ${mostOrchestrators}
  --items N    map: items of one map, default ${usualItems}, at most ${mostItems}; metrics carry another N in their name
  --profile DIR  workflow, map, trigger: CPU profiles of orchestrator and agent-runner; gateway, limits: of the edge`;

export function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      list: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      peers: { type: "boolean", default: false },
      repeats: { type: "string", default: String(fewestRepeats) },
      stored: { type: "string", default: "0" },
      items: { type: "string", default: String(usualItems) },
      orchestrators: { type: "string", default: "1" },
      profile: { type: "string" },
    },
  });
  return {
    names: positionals,
    list: values.list,
    json: values.json,
    peers: values.peers,
    repeats: wholeNumber("--repeats", values.repeats, fewestRepeats, mostRepeats),
    stored: wholeNumber("--stored", values.stored, 0, mostStored),
    items: wholeNumber("--items", values.items, 1, mostItems),
    orchestrators: wholeNumber("--orchestrators", values.orchestrators, 1, mostOrchestrators),
    profileDir: values.profile,
  };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${name} is ${JSON.stringify(text)}: expected a whole number from ${least} to ${most}`);
}
