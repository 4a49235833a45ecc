import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const completions = fileURLToPath(new URL("./serve-completions.ts", import.meta.url));

/** An upstream in a process of its own: its CPU is nobody's. */
export async function startUpstream(script = completions): Promise<AsyncDisposable & { readonly url: string }> {
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const first = createInterface(child.stdout)[Symbol.asyncIterator]().next();
  const port = await Promise.race([first.then(({ value }) => Number(value)), ended.then(() => Number.NaN)]);
  if (Number.isNaN(port)) throw new Error(`${script} ended before it listened`);
  return {
    url: `http://127.0.0.1:${port}/v1`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}
