import { setTimeout as wait } from "node:timers/promises";
import { AppError, describeError } from "@agentmesh/errors";
import type { Logger, Metrics } from "@agentmesh/telemetry";
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { openPublisher, type Publish } from "./open-publisher.ts";
import { ensureStreams, SNAPSHOT_BUCKET } from "./streams.ts";

export type BusOptions = {
  /** nats://user:password@host:port[,host:port] */
  readonly url: string;
  /** The service's name: publisher of its events, prefix of its consumers. */
  readonly service: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** How long to wait for a server that is down at start, in milliseconds. Default 30 000. */
  readonly startTimeoutMs?: number;
};

export type Bus = AsyncDisposable & {
  readonly service: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** Publishes to JetStream and waits until it is stored. */
  readonly publish: Publish;
  /** The snapshot bucket, made anew if it was lost. */
  snapshots(): Promise<KV>;
  /** Streams made anew if they were lost. */
  ensureStreams(): Promise<void>;
  readonly connected: boolean;
};

const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Connects and makes sure that the mesh's streams exist. The connection comes back by itself for as long as the
 * process lives.
 *
 * @throws AppError UNAVAILABLE when the server does not answer within `startTimeoutMs`
 */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const { service, log, metrics } = options;
  const nc = await awaitServer(options);
  const jsm = await jetstreamManager(nc, { timeout: REQUEST_TIMEOUT_MS, checkAPI: false });
  const js = jetstream(nc, { timeout: REQUEST_TIMEOUT_MS });
  const kvm = new Kvm(js);
  try {
    await withBound(() => ensureStreams(jsm), options);
  } catch (error) {
    await nc.close();
    throw error;
  }
  const publisher = openPublisher(nc);
  let connected = true;
  void watchStatus(nc, log, (up) => {
    connected = up;
  });
  return {
    service,
    log,
    metrics,
    nc,
    js,
    jsm,
    publish: publisher.publish,
    snapshots: () => kvm.create(SNAPSHOT_BUCKET, { history: 1 }),
    ensureStreams: () => ensureStreams(jsm),
    get connected() {
      return connected && !nc.isClosed();
    },
    async [Symbol.asyncDispose]() {
      publisher[Symbol.dispose]();
      if (!nc.isClosed()) await nc.drain().catch(() => nc.close());
    },
  };
}

async function awaitServer(options: BusOptions): Promise<NatsConnection> {
  const servers = options.url.split(",").map((url) => new URL(url.trim()));
  const [first] = servers;
  if (!first) throw new AppError("INVALID_ARGUMENT", "the NATS URL is empty; give nats://host:port");
  const credentials = first.username
    ? { user: decodeURIComponent(first.username), pass: decodeURIComponent(first.password) }
    : {};
  return withBound(
    () =>
      connect({
        servers: servers.map((url) => url.host),
        ...credentials,
        name: options.service,
        maxReconnectAttempts: -1,
        // A server that comes back before its accounts do must not end the connection for good.
        ignoreAuthErrorAbort: true,
        reconnectTimeWait: 200,
        timeout: REQUEST_TIMEOUT_MS,
        pingInterval: 10_000,
        // Otherwise each request captures a stack in case it fails: a tenth of the CPU of a busy publisher.
        noAsyncTraces: true,
        maxPingOut: 2,
      }),
    options,
  );
}

async function withBound<T>(run: () => Promise<T>, options: BusOptions): Promise<T> {
  const { log, startTimeoutMs = 30_000 } = options;
  const host = options.url.replace(/\/\/[^@/]*@/, "//");
  const deadline = Date.now() + startTimeoutMs;
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1000)) {
    try {
      return await run();
    } catch (error) {
      if (Date.now() + delayMs > deadline) {
        throw new AppError(
          "UNAVAILABLE",
          `NATS with JetStream at ${host} did not answer within ${startTimeoutMs} ms: ${describeError(error)}; check NATS_URL and that it runs with JetStream`,
          { reason: "NATS_UNAVAILABLE", cause: error },
        );
      }
      log.warn({ host, reason: describeError(error) }, "waiting for NATS");
      await wait(delayMs);
    }
  }
}

async function watchStatus(nc: NatsConnection, log: Logger, set: (connected: boolean) => void): Promise<void> {
  for await (const status of nc.status()) {
    if (status.type === "disconnect") {
      set(false);
      log.warn({}, "NATS connection lost");
    } else if (status.type === "reconnect") {
      set(true);
      log.info({}, "NATS connection is back");
    }
  }
}
