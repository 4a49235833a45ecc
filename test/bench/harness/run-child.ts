import { spawn } from "node:child_process";

const outputBound = 1024 * 1024;

export type ChildOptions = {
  readonly script: string;
  readonly args?: readonly string[];
  readonly nodeOptions?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly withinMs: number;
};

/** Runs a script in a Node process of its own and answers the JSON of the last line it printed. */
export async function runChild(options: ChildOptions): Promise<unknown> {
  const args = [...(options.nodeOptions ?? []), options.script, ...(options.args ?? [])];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-outputBound);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-outputBound);
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.withinMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  clearTimeout(timer);
  const last = output.trim().split("\n").at(-1);
  if (code === 0 && last?.startsWith("{")) return JSON.parse(last);
  const how = child.signalCode === "SIGKILL" ? `was ended after ${options.withinMs} ms` : `ended with code ${code}`;
  throw new Error(`${options.script} ${how}: ${(errors || output).trim().slice(-600)}`);
}

/** A number of an object that a child printed. */
export function numberIn(value: unknown, key: string): number {
  const found = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  if (typeof found !== "number")
    throw new Error(`the child printed ${JSON.stringify(value)}: there is no number ${key}`);
  return found;
}
