import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkoutDir } from "../checkout.ts";

export type ScriptOptions = {
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
};

/** Whether this checkout has the script. */
export function hasScript(path: string): boolean {
  return existsSync(join(checkoutDir, path));
}

/** Runs a script of this checkout with this Node, its output on ours; answers its exit code. */
export async function runScript(path: string, options: ScriptOptions = {}): Promise<number> {
  if (!hasScript(path)) throw new Error(`${path} is missing from this checkout`);
  return await runCommand(process.execPath, [join(checkoutDir, path), ...(options.args ?? [])], options);
}

/** Runs a command with our terminal; answers its exit code. Signals reach it: it is in our process group, or through us. */
export function runCommand(command: string, args: readonly string[], options: ScriptOptions = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd: options.cwd ?? process.cwd(),
      env: { ...process.env, ...options.env },
      stdio: "inherit",
    });
    const forward = (signal: NodeJS.Signals) => child.kill(signal);
    process.on("SIGINT", forward).on("SIGTERM", forward);
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      process.off("SIGINT", forward).off("SIGTERM", forward);
      resolve(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });
}

export type CommandOutput = { readonly code: number; readonly output: string };

/** Runs a command quietly; answers its exit code and what it wrote, both streams together. */
export function captureCommand(
  command: string,
  args: readonly string[],
  options: ScriptOptions = {},
): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd: options.cwd ?? checkoutDir,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}
