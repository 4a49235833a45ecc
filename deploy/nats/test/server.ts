// A nats-server with the mesh's account and the publishers that a test says, which it may change while it runs.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findServers } from "@agentmesh/local/find-server";
import { freePort } from "@agentmesh/local/free-port";
import { planNats } from "@agentmesh/local/nats";
import { startServer } from "@agentmesh/local/server";
import { natsUsers, renderNatsConfig } from "@agentmesh/nats";
import { newPublisherKey, type Publisher, type PublisherKey, writePublishers } from "@agentmesh/publishers";
import { jetstreamManager } from "@nats-io/jetstream";
import { type ConnectionOptions, connect, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";

export type TestServer = AsyncDisposable & {
  readonly port: number;
  /** As `admin` or a service. */
  as(user: string, options?: ConnectionOptions): Promise<NatsConnection>;
  /** As the holder of a publisher's seed. */
  withSeed(seed: string, options?: ConnectionOptions): Promise<NatsConnection>;
  /** Writes the publishers and reloads, as an operator does; resolves when the server says that it took them over. */
  setPublishers(publishers: readonly Publisher[]): Promise<void>;
  /** What is stored in EVENTS from this sequence on. */
  stored(fromSeq: number): Promise<{ subject: string; text: string }[]>;
  lastSeq(): Promise<number>;
};

export type Key = { readonly entry: PublisherKey; readonly seed: string };

export function newKey(): Key {
  return newPublisherKey(new Date());
}

export function publisher(name: string, keys: readonly Key[], types: readonly string[] = []): Publisher {
  const [tenant = "", own = ""] = name.split(".");
  return { tenant, publisher: own, types, keys: keys.map(({ entry }) => entry) };
}

/** @param editConf what becomes of publishers.conf before the server reads it; default nothing */
export async function startTestServer(
  publishers: readonly Publisher[],
  editConf?: (conf: string) => string,
): Promise<TestServer> {
  await using stack = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "agentmesh-publishers-"));
  stack.defer(() => rmSync(dir, { recursive: true, force: true }));
  const found = (await findServers({ names: ["nats"], log: console.error })).nats;
  if (found.from === "url") throw new Error("a server found without URLs came from a URL");
  const registry = join(dir, "publishers.yaml");
  writePublishers(registry, publishers);
  const conf = join(dir, "publishers.conf");
  if (editConf) writeFileSync(conf, editConf(readFileSync(conf, "utf8")));
  const passwords = Object.fromEntries(natsUsers().map((user) => [user, `of-${user}`]));
  const log = join(dir, "log");
  const port = await freePort();
  const user = { name: "admin", password: "of-admin" };
  const renderConfig = (place: { host: string; port: number; storeDir: string }) =>
    renderNatsConfig({ ...place, passwords });
  const server = stack.use(await startServer(planNats({ server: found, dir, port, user, renderConfig }), log));
  const signIn = (options: ConnectionOptions) =>
    connect({ servers: `127.0.0.1:${port}`, reconnect: false, timeout: 5_000, ...options });
  const as = (name: string, options: ConnectionOptions = {}) => signIn({ user: name, pass: `of-${name}`, ...options });
  const admin = await as("admin", { reconnect: true });
  stack.defer(() => admin.close());
  const { streams } = await jetstreamManager(admin);
  await streams.add({ name: "EVENTS", subjects: ["evt.>"] });
  const lastSeq = async () => (await streams.info("EVENTS")).state.last_seq;
  const opened = stack.move();
  return {
    port,
    as,
    withSeed: (seed, options = {}) =>
      signIn({ authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)), ...options }),
    async setPublishers(next) {
      const from = statSync(log).size;
      writePublishers(registry, next);
      process.kill(server.pid(), "SIGHUP");
      for (const deadline = Date.now() + 5_000; Date.now() < deadline; await delay(5)) {
        const said = readFileSync(log).subarray(from).toString();
        if (said.includes("Reloaded server configuration")) return;
        if (said.includes("Failed to reload")) throw new Error(said);
      }
      throw new Error("the server did not reload within 5 s");
    },
    async stored(fromSeq) {
      const last = await lastSeq();
      const seqs = Array.from({ length: Math.max(0, last - fromSeq + 1) }, (_, index) => fromSeq + index);
      const messages = await Promise.all(seqs.map((seq) => streams.getMessage("EVENTS", { seq })));
      return messages.flatMap((message) => (message ? [{ subject: message.subject, text: message.string() }] : []));
    },
    lastSeq,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
