import { join } from "node:path";
import { checkoutDir } from "../checkout.ts";
import { checkBreaking } from "../checks/breaking.ts";
import { checkGenerated } from "../checks/generated.ts";
import type { CheckResult } from "../checks/result.ts";
import { captureCommand, hasScript } from "./run-script.ts";

type Check = { readonly title: string; readonly run: () => Promise<CheckResult> };

const maxLines = 120;

const checks: readonly Check[] = [
  { title: "types (tsc)", run: () => tool("tsc", ["--noEmit", "-p", "tsconfig.json"]) },
  { title: "lint and format (biome)", run: () => tool("biome", ["ci", "--colors=off", "."]) },
  { title: "contracts (buf lint)", run: () => tool("buf", ["lint"], join(checkoutDir, "proto")) },
  { title: "contracts are compatible (buf breaking)", run: checkBreaking },
  { title: "proto/gen is current", run: checkGenerated },
  { title: "deploy/rendered is current", run: () => script("deploy/render.ts") },
  { title: "istio/rendered is current", run: () => script("istio/render.ts") },
  { title: "docs/architecture.txt is current", run: () => script("test/architecture/main.ts") },
];

/** `npm run check`: everything that needs no server. Runs all of it, then says what failed. */
export async function check(): Promise<number> {
  const failed: string[] = [];
  const skipped: string[] = [];
  for (const { title, run } of checks) {
    const began = performance.now();
    const result = await run().catch((error: Error): CheckResult => ({ state: "failed", output: error.message }));
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const mark = { passed: "ok", failed: "FAILED", skipped: "skipped" }[result.state];
    console.log(`${mark.padEnd(8)} ${title}  (${seconds} s)`);
    if (result.state !== "passed") console.log(indent(result.output));
    if (result.state === "failed") failed.push(title);
    if (result.state === "skipped") skipped.push(title);
  }
  const passed = checks.length - failed.length - skipped.length;
  const rest = [...failed.map((title) => `failed: ${title}`), ...skipped.map((title) => `skipped: ${title}`)];
  console.log(`\n${passed} of ${checks.length} checks passed${rest.length > 0 ? `; ${rest.join("; ")}` : ""}`);
  return failed.length === 0 ? 0 : 1;
}

/** A tool that finds fault with everything must not bury what the other checks say. */
function indent(output: string): string {
  const lines = output.trimEnd().split("\n");
  const shown = lines.slice(0, maxLines).map((line) => `         ${line}`);
  const more = lines.length - shown.length;
  return [...shown, ...(more > 0 ? [`         … and ${more} more lines`] : [])].join("\n");
}

async function tool(command: string, args: readonly string[], cwd = checkoutDir): Promise<CheckResult> {
  const { code, output } = await captureCommand(command, args, { cwd });
  return { state: code === 0 ? "passed" : "failed", output };
}

async function script(path: string): Promise<CheckResult> {
  if (!hasScript(path)) return { state: "skipped", output: `${path} is not in this checkout` };
  return await tool(process.execPath, [join(checkoutDir, path), "--check"]);
}
