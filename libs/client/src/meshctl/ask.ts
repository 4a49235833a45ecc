import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { UsageError } from "./usage-error.ts";

/** Asks a person at the terminal; the prompt goes to standard error, and a secret is not echoed. */
export async function ask(prompt: string, options: { secret: boolean; signal: AbortSignal }): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({
    input: process.stdin,
    output: options.secret ? silent : process.stderr,
    terminal: true,
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const stop = () => reject(new UsageError("nothing was entered"));
  if (options.secret) process.stderr.write(prompt);
  else lines.setPrompt(prompt);
  lines.on("line", resolve).on("close", stop);
  // In raw mode Ctrl-C is a key and no signal.
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  options.signal.addEventListener("abort", stop, { once: true });
  if (!options.secret) lines.prompt();
  try {
    return await promise;
  } finally {
    if (options.secret) process.stderr.write("\n");
    options.signal.removeEventListener("abort", stop);
    lines.close();
  }
}

/** The first line of standard input, for `meshctl login < file`. */
export async function firstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
    process.stdin.destroy();
  }
}

/** Whether a person sits there. */
export function isTerminal(): boolean {
  return Boolean(process.stdin.isTTY);
}
