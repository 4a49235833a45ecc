// Where a server comes from, in this order: a URL in the environment, a binary on this machine, a Docker engine that
// answers, Debian's packages when we are root. Otherwise an error that says exactly what to install.
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { withFileLock } from "@agentmesh/processes";
import { aptInstall, canApt } from "./apt.ts";
import { dockerAnswers } from "./docker.ts";

export type ServerName = "postgres" | "nats" | "redis";

export type FoundServer =
  | { readonly from: "url"; readonly url: string }
  | { readonly from: "binary"; readonly path: string }
  | { readonly from: "docker" };

export type FindOptions = {
  readonly names: readonly ServerName[];
  /** URLs that are used as they are. */
  readonly urls?: Partial<Record<ServerName, string | undefined>>;
  readonly log: (line: string) => void;
};

type Need = { readonly binary: string; readonly floor: string; readonly urlVariable: string; readonly package: string };

const aptWithinMs = 600_000;

/** The floor is what Debian 12 installs. */
const needs: Record<ServerName, Need> = {
  postgres: { binary: "postgres", floor: "15", urlVariable: "POSTGRES_ADMIN_URL", package: "postgresql" },
  nats: { binary: "nats-server", floor: "2.9.10", urlVariable: "NATS_URL", package: "nats-server" },
  redis: { binary: "redis-server", floor: "7.0", urlVariable: "REDIS_URL", package: "redis-server" },
};

/** Finds all of them; rejects with one error that names every one that is missing. */
export async function findServers(options: FindOptions): Promise<Record<ServerName, FoundServer>> {
  const found = new Map<ServerName, FoundServer>();
  for (const name of options.names) {
    const url = options.urls?.[name];
    const path = url ? undefined : findBinary(name, options.log);
    if (url) found.set(name, { from: "url", url });
    else if (path !== undefined) found.set(name, { from: "binary", path });
  }
  const missing = options.names.filter((name) => !found.has(name));
  if (missing.length > 0) await findElsewhere(missing, found, options.log);
  const server = (name: ServerName): FoundServer => found.get(name) ?? { from: "url", url: "" };
  return { postgres: server("postgres"), nats: server("nats"), redis: server("redis") };
}

async function findElsewhere(
  missing: readonly ServerName[],
  found: Map<ServerName, FoundServer>,
  log: (line: string) => void,
): Promise<void> {
  if (await dockerAnswers()) {
    for (const name of missing) found.set(name, { from: "docker" });
    return;
  }
  if (!canApt()) throw new Error(howToInstall(missing));
  // Several processes (test files) may miss the same server: one installs, the others wait and find it.
  await withFileLock(join(tmpdir(), "agentmesh-apt.lock"), aptWithinMs, async () => {
    const packages = missing.filter((name) => findBinary(name, log) === undefined).map((name) => needs[name].package);
    if (packages.length > 0) await aptInstall(packages, log);
  });
  for (const name of missing) {
    const path = findBinary(name, log);
    if (path === undefined) throw new Error(`apt installed ${needs[name].package}, yet ${howToInstall([name])}`);
    found.set(name, { from: "binary", path });
  }
}

function howToInstall(missing: readonly ServerName[]): string {
  const lines = missing.map((name) => {
    const { binary, floor, urlVariable } = needs[name];
    return `  ${binary} ${floor} or newer on PATH, or ${urlVariable} with the URL of a running one`;
  });
  const apt = `apt-get install ${missing.map((name) => needs[name].package).join(" ")}`;
  const brews = { postgres: "postgresql@17", nats: "nats-server", redis: "redis" };
  const brew = `brew install ${missing.map((name) => brews[name]).join(" ")}`;
  return [
    `cannot find ${missing.join(", ")}, no Docker engine answers, and apt-get cannot be used (not root, or not Debian).`,
    "Needed:",
    ...lines,
    `On Debian or Ubuntu: ${apt}    on macOS: ${brew}    or start Docker.`,
  ].join("\n");
}

function findBinary(name: ServerName, log: (line: string) => void): string | undefined {
  const { binary, floor } = needs[name];
  for (const folder of searchPath(name)) {
    const path = join(folder, binary);
    if (!isExecutable(path)) continue;
    const version = versionOf(path);
    if (isAtLeast(version, floor)) return path;
    log(`${path} is ${version || "of unknown version"}; ${floor} or newer is needed: not used`);
  }
  return undefined;
}

function searchPath(name: ServerName): string[] {
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  // Users other than root often lack sbin, where Debian puts nats-server; PostgreSQL's servers are never on PATH there.
  const places = [...path, "/usr/local/sbin", "/usr/sbin", "/opt/homebrew/bin", "/usr/local/bin"];
  if (name !== "postgres") return places;
  const versions = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((entry) => /^(postgresql@)?\d+$/.test(entry))
          .sort((a, b) => Number(b.replace(/\D/g, "")) - Number(a.replace(/\D/g, "")))
          .map((entry) => join(folder, entry, "bin"))
      : [],
  );
  return [...versions, ...places];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function versionOf(path: string): string {
  try {
    const text = execFileSync(path, ["--version"], { encoding: "utf8", timeout: 5_000 });
    return /(\d+(?:\.\d+)+)/.exec(text)?.[1] ?? "";
  } catch {
    return "";
  }
}

/** Compares dotted numbers; "15.8" is at least "15". */
export function isAtLeast(version: string, floor: string): boolean {
  const have = version.split(".").map(Number);
  const want = floor.split(".").map(Number);
  for (let i = 0; i < want.length; i++) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return version !== "";
}
