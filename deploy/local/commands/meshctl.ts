import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { checkoutDir } from "../checkout.ts";
import { hasScript } from "./run-script.ts";

const script = "libs/client/src/meshctl/main.ts";

/**
 * `npm run meshctl -- …`: the command line of a running mesh. Imported, not spawned: a person waits for every start of
 * a process. It sets the exit code itself.
 */
export async function meshctl(args: readonly string[]): Promise<number> {
  if (!hasScript(script)) throw new Error(`${script} is missing from this checkout`);
  const file = join(checkoutDir, script);
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
  return Number(process.exitCode ?? 0);
}
