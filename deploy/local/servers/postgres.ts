import { execFileSync } from "node:child_process";
import { chownSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import pg from "pg";
import { dockerRun, removeContainer } from "./docker.ts";
import type { FoundServer } from "./find-server.ts";
import { postgresHome } from "./postgres-home.ts";
import type { ServerPlan } from "./server.ts";

export type PostgresOptions = {
  readonly server: Exclude<FoundServer, { from: "url" }>;
  /** Holds the cluster in `data`; may become a symbolic link, see postgresHome. */
  readonly dir: string;
  readonly port: number;
  /** Of the superuser `postgres`; it is set when the cluster is created. */
  readonly password: string;
  /** Names the container and its volume where Docker runs it. */
  readonly container?: string;
  readonly log?: (line: string) => void;
};

/** fsync and synchronous_commit stay on: the mesh's guarantees rest on commits that survive a crash. */
const settings = {
  max_connections: "300",
  shared_buffers: "128MB",
  log_min_messages: "warning",
};

/** A cluster of its own, created when it is not there yet (about 2 s), listening on the loopback only. */
export function planPostgres(options: PostgresOptions): ServerPlan {
  const { port, password } = options;
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const tuned = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  // SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
  const common = { name: "postgres", port, url, stopSignal: "SIGINT" as const, probe: () => probePostgres(url) };
  if (options.server.from === "binary") {
    const home = postgresHome(options.dir, options.log);
    const data = join(home.dir, "data");
    if (!existsSync(join(data, "PG_VERSION"))) {
      options.log?.("creating the PostgreSQL cluster");
      initialise(dirname(options.server.path), home, data, password);
    }
    return {
      ...common,
      command: options.server.path,
      // No socket file: its folder would need rights outside our own.
      args: ["-D", data, "-p", String(port), ...tuned, "-c", "listen_addresses=127.0.0.1", "-k", ""],
      env: { LANG: "C.UTF-8", TZ: "UTC" },
      cwd: home.dir,
      ...(home.user && { user: home.user }),
    };
  }
  const container = options.container ?? "agentmesh-postgres";
  return {
    ...common,
    ...dockerRun({
      server: "postgres",
      container,
      ports: [[port, 5432]],
      mounts: [`${container}:/var/lib/postgresql`],
      env: { POSTGRES_PASSWORD: password },
      args: ["postgres", ...tuned],
    }),
    prepare: () => removeContainer(container),
  };
}

function initialise(bin: string, home: ReturnType<typeof postgresHome>, data: string, password: string): void {
  const passwordFile = join(home.dir, "initial-password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (home.user) chownSync(passwordFile, home.user.uid, home.user.gid);
  // Left over from an interrupted creation: it has no PG_VERSION, so it was never used.
  rmSync(data, { recursive: true, force: true });
  try {
    execFileSync(
      join(bin, "initdb"),
      [
        ...["-D", data, "-U", "postgres", "--pwfile", passwordFile, "--auth", "scram-sha-256"],
        ...["--encoding", "UTF8", "--locale", "C"],
      ],
      { cwd: home.dir, env: { PATH: process.env.PATH, LANG: "C", TZ: "UTC" }, stdio: "pipe", ...home.user },
    );
  } catch (cause) {
    rmSync(data, { recursive: true, force: true });
    const output = cause instanceof Error && "stderr" in cause ? `\n${String(cause.stderr).trim()}` : "";
    throw new Error(`PostgreSQL's initdb failed in ${home.dir}${output}`, { cause });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Signs in and reads something. */
export async function probePostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  // A server that is killed while we ask must not end this process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("SELECT 1");
  } finally {
    await client.end().catch(() => undefined);
  }
}
