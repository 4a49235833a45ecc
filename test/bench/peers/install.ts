// Peers are installed on demand, each in a folder of its own under .agentmesh/bench-peers, never with the product. Their
// scripts lie in peers/scripts as plain JavaScript, because the type check must pass without them; a copy of the scripts
// is put beside their node_modules, where their imports resolve.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Peer } from "./catalog.ts";

const installWithinMs = 120_000;
const scripts = fileURLToPath(new URL("./scripts/", import.meta.url));

export type InstalledPeer = Peer & {
  /** Path of a script in the peer's folder. */
  script(name: string): string;
};

export type PeerInstaller = {
  /** The peers that are there or could be installed; the others are named with the reason and left out. */
  install(peers: readonly Peer[]): Promise<InstalledPeer[]>;
};

export function createInstaller(root: string, log: (line: string) => void): PeerInstaller {
  return {
    async install(peers) {
      const installed: InstalledPeer[] = [];
      for (const peer of peers) {
        try {
          installed.push(await installOne(join(root, folderOf(peer)), peer, log));
        } catch (error) {
          log(`SKIPPED ${peer.name}@${peer.version}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
      return installed;
    },
  };
}

/** `@google/adk` → `google-adk`. */
export function folderOf(peer: Peer): string {
  return peer.name.replace("@", "").replaceAll("/", "-");
}

async function installOne(dir: string, peer: Peer, log: (line: string) => void): Promise<InstalledPeer> {
  const manifest = `${JSON.stringify(
    {
      private: true,
      type: "module",
      dependencies: { [peer.name]: peer.version, ...peer.beside },
    },
    undefined,
    2,
  )}\n`;
  const file = join(dir, "package.json");
  const stamp = join(dir, "installed");
  if (!existsSync(stamp) || !existsSync(file) || readFileSync(file, "utf8") !== manifest) {
    log(`installing ${peer.name}@${peer.version} into ${dir}`);
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    writeFileSync(file, manifest);
    await npmInstall(dir);
    writeFileSync(stamp, "");
  }
  cpSync(scripts, join(dir, "scripts"), { recursive: true, force: true });
  return { ...peer, script: (name) => join(dir, "scripts", name) };
}

/** No package's install script runs: these are other people's dependencies. */
function npmInstall(dir: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const child = spawn("npm", ["install", ...flags], { cwd: dir, stdio: ["ignore", "ignore", "pipe"] });
    const timer = setTimeout(() => child.kill(), installWithinMs);
    let output = "";
    child.stderr.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-2_000);
    });
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      if (code === 0) resolve();
      else
        reject(
          new Error(`npm install failed (exit code ${code}): ${output.trim().split("\n").slice(0, 4).join(" | ")}`),
        );
    });
  });
}
