import { parseArgs } from "node:util";

export type StartOptions = {
  readonly replicas: Readonly<Record<string, number>>;
  /** Runs the example over its tickets, then stops. */
  readonly once: boolean;
  readonly json: boolean;
  /** How many tickets; default those the example ships. */
  readonly tickets: number | undefined;
};

/** Reads what stands behind `npm start --`; throws an error that says what is wrong with it. */
export function readStartOptions(args: readonly string[]): StartOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      replicas: { type: "string" },
      once: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      tickets: { type: "string" },
    },
  });
  if (values.json && !values.once) throw new Error("--json belongs to --once");
  if (values.tickets !== undefined && !values.once) throw new Error("--tickets belongs to --once");
  return {
    replicas: readReplicas(values.replicas),
    once: values.once,
    json: values.json,
    tickets: values.tickets === undefined ? undefined : readCount(values.tickets, "--tickets"),
  };
}

function readReplicas(text: string | undefined): Record<string, number> {
  if (text === undefined) return {};
  return Object.fromEntries(
    text.split(",").map((part) => {
      const [service = "", count, ...more] = part.split("=");
      if (service === "" || count === undefined || more.length > 0) {
        throw new Error(
          `--replicas has ${JSON.stringify(part)}: expected service=count, as in orchestrator=2,agent-runner=3`,
        );
      }
      return [service, readCount(count, `--replicas ${service}`)];
    }),
  );
}

function readCount(text: string, what: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new Error(`${what} is ${JSON.stringify(text)}: expected a whole number above 0`);
}
