import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { checkoutDir, dataRoot } from "../checkout.ts";
import { captureCommand } from "../commands/run-script.ts";
import type { CheckResult } from "./result.ts";

/** What the contracts are compared with: the main branch, or on it (and in a clone without it) the last commit. */
const references = ["origin/main", "main", "HEAD"];

/** Compares the contracts with those that were committed. Skipped, aloud, while there are none. */
export async function checkBreaking(): Promise<CheckResult> {
  const reference = await firstWithContracts();
  if (reference === undefined) {
    return { state: "skipped", output: "there is no commit with proto/ to compare with" };
  }
  mkdirSync(dataRoot, { recursive: true });
  const dir = mkdtempSync(join(dataRoot, "breaking-"));
  try {
    const archive = join(dir, "proto.tar");
    for (const [command, ...args] of [
      ["git", "archive", "--format=tar", "-o", archive, reference, "proto"],
      ["tar", "-xf", archive, "-C", dir],
    ]) {
      const { code, output } = await captureCommand(command ?? "", args);
      if (code !== 0) return { state: "failed", output };
    }
    const against = join(dir, "proto");
    const { code, output } = await captureCommand("buf", ["breaking", "--against", against], {
      cwd: join(checkoutDir, "proto"),
    });
    return { state: code === 0 ? "passed" : "failed", output: `compared with ${reference}\n${output}` };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function firstWithContracts(): Promise<string | undefined> {
  for (const reference of references) {
    const { code } = await captureCommand("git", ["cat-file", "-e", `${reference}:proto/buf.yaml`]).catch(() => ({
      code: 1,
    }));
    if (code === 0) return reference;
  }
  return undefined;
}
