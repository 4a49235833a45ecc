import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { dockerRun, removeContainer } from "./docker.ts";
import type { FoundServer } from "./find-server.ts";
import type { ServerPlan } from "./server.ts";

export type NatsOptions = {
  readonly server: Exclude<FoundServer, { from: "url" }>;
  readonly dir: string;
  readonly port: number;
  /**
   * Renders the server's configuration for where it will run (accounts, users, permissions).
   * Default: one account without sign-in, for tests.
   */
  readonly renderConfig?: (place: { host: string; port: number; storeDir: string }) => string;
  /** A user of an account with JetStream, who probes and who is named in the URL; default none. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Names the container and its volume where Docker runs it. */
  readonly container?: string;
};

/** NATS with JetStream, its store under `dir`, its configuration in a file that only this user reads. */
export function planNats(options: NatsOptions): ServerPlan {
  const { dir, port, user } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const inDocker = options.server.from === "docker";
  const place = inDocker
    ? { host: "0.0.0.0", port: 4222, storeDir: "/data" }
    : { host: "127.0.0.1", port, storeDir: join(dir, "jetstream") };
  const configFile = join(dir, "nats-server.conf");
  writeFileSync(configFile, (options.renderConfig ?? openConfig)(place), { mode: inDocker ? 0o644 : 0o600 });
  const url = user === undefined ? `nats://127.0.0.1:${port}` : natsUrl(user.name, user.password, port);
  const common = {
    name: "nats",
    port,
    url,
    probe: () => probeNats(url),
  };
  if (options.server.from === "binary") {
    return { ...common, command: options.server.path, args: ["-c", configFile], cwd: dir, env: {} };
  }
  const container = options.container ?? "agentmesh-nats";
  return {
    ...common,
    ...dockerRun({
      server: "nats",
      container,
      ports: [[port, 4222]],
      // The folder: a mounted file would stay the old one when publishers.conf is replaced.
      mounts: [`${dir}:/etc/nats:ro`, `${container}:/data`],
      args: ["-c", "/etc/nats/nats-server.conf"],
    }),
    prepare: () => removeContainer(container),
  };
}

/** The URL of one user on this machine. */
export function natsUrl(user: string, password: string, port: number): string {
  return `nats://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}`;
}

function openConfig(place: { host: string; port: number; storeDir: string }): string {
  return `host: "${place.host}"\nport: ${place.port}\njetstream { store_dir: "${place.storeDir}", max_file_store: 10737418240 }\n`;
}

/** Signs in and asks JetStream for its state: a server that listens before JetStream is up is not ready. */
export function probeNats(url: string): Promise<void> {
  const { hostname, port, username, password } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port || 4222), timeout: 2_000 });
    const inbox = `_INBOX.probe${process.pid}`;
    const hello = { verbose: false, pedantic: false, lang: "node", version: "1", protocol: 1 };
    const user = { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
    const signIn = username === "" ? hello : { ...hello, ...user };
    let answer = "";
    let greeted = false;
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (!greeted && answer.includes("INFO {")) {
        greeted = true;
        socket.write(`CONNECT ${JSON.stringify(signIn)}\r\nSUB ${inbox} 1\r\nPUB $JS.API.INFO ${inbox} 0\r\n\r\n`);
      }
      if (answer.includes("-ERR")) finish(new Error(`NATS answered ${answer.slice(answer.indexOf("-ERR")).trim()}`));
      else if (answer.includes('"error"')) finish(new Error("JetStream is not up"));
      else if (answer.includes("io.nats.jetstream.api.v1.account_info_response")) finish();
    });
    socket.once("timeout", () => finish(new Error("NATS accepted the connection and JetStream does not answer")));
    socket.once("error", finish);
    socket.once("close", () => reject(new Error("NATS closed the connection")));
    function finish(error?: Error): void {
      if (error) reject(error);
      else resolve();
      socket.destroy();
    }
  });
}
