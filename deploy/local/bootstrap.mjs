// The one entry of every npm script. Plain JavaScript for any Node >= 20: installs the workspace when its manifests changed,
// finds a Node that runs TypeScript as it is, and hands over to main.ts.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const checkoutDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const modulesDir = join(checkoutDir, "node_modules");
const stampFile = join(modulesDir, ".agentmesh-installed");
const lockDir = join(checkoutDir, ".agentmesh", "install.lock");
const oldestNode = [24, 12];
const installWithinMs = 600_000;
const signals = ["SIGINT", "SIGTERM", "SIGHUP"];

if (Number(process.versions.node.split(".")[0]) < 20) {
  fail(`Node ${process.versions.node} is too old: Node 20 or newer starts the mesh (nodejs.org)`);
}
const wanted = manifestsHash();
if (readStamp() !== wanted) await install();
run(findNode());

/** What an install depends on: the lock file, the workspace and every manifest in it. */
function manifestsHash() {
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}`);
  const workspace = readFileSync(join(checkoutDir, "pnpm-workspace.yaml"), "utf8");
  hash.update(workspace).update(readFileSync(join(checkoutDir, "pnpm-lock.yaml")));
  const patterns = [...workspace.matchAll(/^ {2}- ["']?([\w./*-]+)["']?\s*$/gm)].map((match) => match[1]);
  for (const folder of ["", ...patterns.flatMap(expand)]) {
    const file = join(checkoutDir, folder, "package.json");
    if (existsSync(file)) hash.update(folder).update(readFileSync(file));
  }
  return hash.digest("hex");
}

function expand(pattern) {
  if (!pattern.endsWith("/*")) return [pattern];
  const parent = pattern.slice(0, -2);
  const dir = join(checkoutDir, parent);
  return existsSync(dir)
    ? readdirSync(dir)
        .sort()
        .map((name) => `${parent}/${name}`)
    : [];
}

function readStamp() {
  return existsSync(stampFile) ? readFileSync(stampFile, "utf8") : "";
}

/** Two commands of one checkout take turns; the second finds the work done. */
async function install() {
  await takeLock();
  try {
    if (readStamp() === wanted) return;
    const { packageManager } = JSON.parse(readFileSync(join(checkoutDir, "package.json"), "utf8"));
    process.stderr.write(`agentmesh: installing the workspace with ${packageManager} (once; needs npm's registry)\n`);
    const npx = ["--yes", packageManager, "install", "--frozen-lockfile", "--reporter=append-only"];
    const began = Date.now();
    // Standard output stays clean: `--json` output of the command follows on it. CI: pnpm never asks anything.
    const result = spawnSync("npx", npx, {
      cwd: checkoutDir,
      env: { ...process.env, CI: "true" },
      stdio: ["ignore", 2, 2],
      timeout: installWithinMs,
    });
    if (result.status !== 0) fail(`the install failed (${result.error?.message ?? `exit code ${result.status}`})`);
    writeFileSync(stampFile, wanted);
    process.stderr.write(`agentmesh: installed in ${Math.round((Date.now() - began) / 1000)} s\n`);
  } finally {
    rmSync(lockDir, { recursive: true, force: true });
  }
}

async function takeLock() {
  mkdirSync(dirname(lockDir), { recursive: true });
  for (const deadline = Date.now() + installWithinMs; ; ) {
    try {
      mkdirSync(lockDir);
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    // Touched by nobody for longer than an install may take: its holder was killed.
    const age = Date.now() - (statSync(lockDir, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > installWithinMs) rmSync(lockDir, { recursive: true, force: true });
    if (Date.now() > deadline) fail(`another install holds ${lockDir}; remove it if none runs`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** This Node when it is new enough, else the one that npm's packages brought for this platform; two name schemes exist. */
function findNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return process.execPath;
  for (const scheme of ["node", "node-bin"]) {
    const packaged = join(modulesDir, `${scheme}-${process.platform}-${process.arch}`, "bin", "node");
    if (existsSync(packaged)) return packaged;
  }
  return fail(
    `Node ${process.versions.node} cannot run the mesh, and there is no packaged Node for ${process.platform}-${process.arch}: ` +
      `install Node ${oldestNode.join(".")} or newer (nodejs.org)`,
  );
}

function run(node) {
  const path = [dirname(node), join(modulesDir, ".bin"), process.env.PATH ?? ""].join(delimiter);
  const cache = process.env.NODE_COMPILE_CACHE ?? join(checkoutDir, ".agentmesh", "compile-cache");
  const main = join(checkoutDir, "deploy", "local", "main.ts");
  const child = spawn(node, [main, ...process.argv.slice(2)], {
    env: { ...process.env, PATH: path, NODE_COMPILE_CACHE: cache },
    stdio: "inherit",
  });
  // A terminal sends Ctrl-C to the whole group, the child included; the child treats two in a row as one.
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => fail(`${node} cannot be run: ${error.message}`));
  child.once("exit", (code, signal) => {
    for (const name of signals) process.removeAllListeners(name);
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code ?? 1;
  });
}

function fail(message) {
  process.stderr.write(`agentmesh: ${message}\n`);
  process.exit(1);
}
