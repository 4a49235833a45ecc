import { runScript } from "./run-script.ts";

/** `npm run bench -- NAME [--peers] [--json]`; `--list` names them. */
export async function bench(args: readonly string[]): Promise<number> {
  return await runScript("test/bench/main.ts", { args });
}
