import { runScript } from "./run-script.ts";

/** `npm run chaos -- [--workflows N] [--kills N] [--seed N]`: 0 when nothing was lost, done twice or left open. */
export async function chaos(args: readonly string[]): Promise<number> {
  return await runScript("test/faults/chaos/main.ts", { args });
}
