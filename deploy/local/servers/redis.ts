import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { dockerRun, removeContainer } from "./docker.ts";
import type { FoundServer } from "./find-server.ts";
import type { ServerPlan } from "./server.ts";

export type RedisOptions = {
  readonly server: Exclude<FoundServer, { from: "url" }>;
  readonly dir: string;
  readonly port: number;
  /** Default: none, for tests. */
  readonly password?: string;
  /** Names the container where Docker runs it. */
  readonly container?: string;
};

/**
 * Redis as the mesh uses it: nothing on disk, because losing all of it loses no state; a bound on memory, and eviction
 * by time to live, so that a full cache evicts answers and never a counter without one.
 */
export function planRedis(options: RedisOptions): ServerPlan {
  const { dir, port, password } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const inDocker = options.server.from === "docker";
  const settings = [
    `bind ${inDocker ? "0.0.0.0" : "127.0.0.1"}`,
    `port ${inDocker ? 6379 : port}`,
    'save ""',
    "appendonly no",
    "maxmemory 256mb",
    "maxmemory-policy volatile-lru",
    "daemonize no",
    ...(inDocker ? [] : [`dir ${dir}`]),
    ...(password === undefined ? [] : [`requirepass ${password}`]),
  ];
  const configFile = join(dir, "redis.conf");
  writeFileSync(configFile, `${settings.join("\n")}\n`, { mode: 0o600 });
  const url = password === undefined ? `redis://127.0.0.1:${port}` : `redis://:${password}@127.0.0.1:${port}`;
  const common = {
    name: "redis",
    port,
    url,
    probe: () => probeRedis(url),
  };
  if (options.server.from === "binary") {
    return { ...common, command: options.server.path, args: [configFile], cwd: dir, env: { LANG: "C.UTF-8" } };
  }
  const container = options.container ?? "agentmesh-redis";
  // The image's redis user (999) reads the file through the mount.
  if (process.getuid?.() === 0) chownSync(configFile, 999, 999);
  return {
    ...common,
    ...dockerRun({
      server: "redis",
      container,
      ports: [[port, 6379]],
      mounts: [`${configFile}:/etc/redis.conf:ro`],
      args: ["redis-server", "/etc/redis.conf"],
    }),
    prepare: () => removeContainer(container),
  };
}

/** PING in RESP. A server that still loads, or refuses the password, is not ready. */
export function probeRedis(url: string): Promise<void> {
  const { hostname, port, username, password } = new URL(url);
  const signIn = [username, password].filter((part) => part !== "").map(decodeURIComponent);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port || 6379), timeout: 2_000 });
    let answer = "";
    socket.once("connect", () => socket.write(`${password === "" ? "" : `AUTH ${signIn.join(" ")}\r\n`}PING\r\n`));
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (answer.includes("+PONG")) finish();
      else if (answer.includes("-")) finish(new Error(`Redis answered ${answer.trim()}`));
    });
    socket.once("timeout", () => finish(new Error("Redis accepted the connection and does not answer")));
    socket.once("error", finish);
    socket.once("close", () => reject(new Error("Redis closed the connection")));
    function finish(error?: Error): void {
      if (error) reject(error);
      else resolve();
      socket.destroy();
    }
  });
}
