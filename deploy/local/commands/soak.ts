import { runScript } from "./run-script.ts";

/** `npm run soak -- [--minutes N] [--rate N] [--seed N] [--json]`: 0 when nothing grew, was lost or was left open. */
export async function soak(args: readonly string[]): Promise<number> {
  return await runScript("test/soak/main.ts", { args });
}
