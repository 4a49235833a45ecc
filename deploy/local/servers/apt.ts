import { spawn } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";

const policyFile = "/usr/sbin/policy-rc.d";
const installWithinMs = 300_000;

/** Whether packages can be installed: Debian's tools, and we are root. */
export function canApt(): boolean {
  return process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
}

/**
 * Installs Debian packages without starting their daemons: the mesh runs its own servers on its own ports and data.
 * invoke-rc.d asks policy-rc.d, and 101 means "do not start" (Debian's policy-rc.d specification).
 */
export async function aptInstall(packages: readonly string[], log: (line: string) => void): Promise<void> {
  const ownPolicy = !existsSync(policyFile);
  if (ownPolicy) writeFileSync(policyFile, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    log("apt-get update");
    // A mirror that is partly unreachable must not stop an install that needs only the rest.
    await aptGet(["update", "-q"]).catch((error: Error) => log(`${error.message}; trying to install all the same`));
    log(`apt-get install ${packages.join(" ")}`);
    await aptGet(["install", "-q", "-y", "--no-install-recommends", ...packages]);
  } finally {
    if (ownPolicy) rmSync(policyFile, { force: true });
  }
}

function aptGet(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("apt-get", ["-o", "DPkg::Lock::Timeout=120", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: installWithinMs,
    });
    let output = "";
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`apt-get ${args.join(" ")} failed (exit code ${code}):\n${output.trim()}`));
    });
  });
}
