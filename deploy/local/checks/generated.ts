import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { checkoutDir, dataRoot } from "../checkout.ts";
import { captureCommand } from "../commands/run-script.ts";
import type { CheckResult } from "./result.ts";

/** Generates into a copy of proto/ and compares: the checkout is not touched, whatever happens. */
export async function checkGenerated(): Promise<CheckResult> {
  const proto = join(checkoutDir, "proto");
  mkdirSync(dataRoot, { recursive: true });
  // Inside the checkout, so that the generator's imports and tools resolve as they do at home.
  const dir = mkdtempSync(join(dataRoot, "generate-"));
  const copy = join(dir, "proto");
  try {
    cpSync(proto, copy, { recursive: true, filter: (source) => !/\/proto\/(gen|node_modules)$/.test(source) });
    if (existsSync(join(proto, "node_modules"))) symlinkSync(join(proto, "node_modules"), join(copy, "node_modules"));
    const { code, output } = await captureCommand(process.execPath, [join(copy, "generate", "main.ts")]);
    if (code !== 0) return { state: "failed", output };
    const different = compare(join(proto, "gen"), join(copy, "gen"));
    if (different.length === 0) return { state: "passed", output: "" };
    return { state: "failed", output: `${different.join("\n")}\nrun \`npm run gen\` and commit what it writes` };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function compare(committed: string, generated: string): string[] {
  const before = filesIn(committed);
  const after = filesIn(generated);
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((file) => {
    const [old, fresh] = [before.get(file), after.get(file)];
    if (old === undefined) return [`proto/gen/${file} is missing`];
    if (fresh === undefined) return [`proto/gen/${file} is no longer generated`];
    return old.equals(fresh) ? [] : [`proto/gen/${file} is not what the contracts generate`];
  });
}

function filesIn(dir: string): Map<string, Buffer> {
  const files = globSync("**/*", { cwd: dir }).filter((file) => statSync(join(dir, file)).isFile());
  return new Map(files.map((file) => [file, readFileSync(join(dir, file))]));
}
