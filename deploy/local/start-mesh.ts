import { join } from "node:path";
import { processMark } from "@agentmesh/processes";
import { checkoutDir, dataRoot } from "./checkout.ts";
import { compileAhead } from "./mesh/compile-ahead.ts";
import { clearLeftovers, drainWithinMs, openPorts } from "./mesh/prepare.ts";
import type { MeshOptions, RunningMesh } from "./mesh/running-mesh.ts";
import { addressesOf, type PlacedService, placeServices } from "./mesh/service-plans.ts";
import { type MeshServers, startServers } from "./mesh/start-servers.ts";
import { firstAdministrator, firstTenant, startServices } from "./mesh/start-services.ts";
import type { PortBlock } from "./processes/ports.ts";
import { removeRun, writeRun } from "./processes/run-file.ts";
import { createSupervisor, type Supervisor, type SupervisorEvent } from "./processes/supervisor.ts";
import { type Provisioned, provision } from "./provision/provision.ts";
import { openSecrets } from "./provision/secrets.ts";

export type { MeshOptions, MeshService, RunningMesh } from "./mesh/running-mesh.ts";

const readyWithinMs = 60_000;

/**
 * Brings the whole mesh up: servers, database, keys, eight services, all answering. Rejects when it cannot (and stops
 * what it had started), with the reason and the end of the log of whoever is missing. Disposing it drains and stops.
 */
export async function startMesh(options: MeshOptions = {}): Promise<RunningMesh> {
  const began = performance.now();
  const root = options.root ?? dataRoot;
  const env: Record<string, string | undefined> = { ...process.env, ...options.env };
  const log = options.quiet ? () => undefined : (options.log ?? console.log);
  await clearLeftovers(root, log);
  await using stack = new AsyncDisposableStack();
  const ports = stack.use(await openPorts(root, env));
  let placed: PlacedService[] = [];
  const supervisor = createSupervisor({
    logDir: join(root, "logs"),
    onEvent: (event) => report(event, supervisor, log),
    onSlow: log,
    onChange: () => recordRun(root, placed, supervisor),
  });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= stopAll(root, supervisor, ports);
    return stopping;
  };
  const stopStarting = () => void stop();
  stack.defer(stop);
  options.signal?.addEventListener("abort", stopStarting);
  stack.defer(() => options.signal?.removeEventListener("abort", stopStarting));
  // Before anything runs, so that nobody else starts on this root in the meantime.
  recordRun(root, placed, supervisor);
  placed = await placeServices(ports, options.replicas ?? {});
  const secrets = openSecrets(root);
  const compiled = options.command ? undefined : compileAhead(env, options.signal);
  const servers = await startServers({ root, env, secrets, ports, supervisor, log });
  ports.save();
  const provisioned = await provision({ root, postgresAdminUrl: servers.postgresAdminUrl });
  await compiled;
  await startServices({ root, options, env, placed, servers, provisioned, supervisor, log });
  options.signal?.removeEventListener("abort", stopStarting);
  stack.move();
  const readyInMs = performance.now() - began;
  return {
    root,
    ...describe(placed, servers, provisioned),
    readyInMs,
    ...controls(supervisor, root),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function describe(placed: readonly PlacedService[], servers: MeshServers, provisioned: Provisioned) {
  const { secrets, postgresUrls } = provisioned;
  return {
    ...edgeOf(placed),
    tenant: firstTenant,
    adminUsername: firstAdministrator,
    adminPassword: secrets.adminPassword,
    publisherUrl: servers.publisherUrl,
    natsUrl: servers.natsUrl,
    redisUrl: servers.redisUrl,
    postgresAdminUrl: servers.postgresAdminUrl,
    postgresUrls,
    addresses: addressesOf(placed),
    services: placed,
    secrets,
  };
}

function controls(supervisor: Supervisor, root: string) {
  return {
    logDir: join(root, "logs"),
    logFileOf: supervisor.logFileOf,
    processes: () => supervisor.processes(),
    pids: () => Object.fromEntries(supervisor.processes().map((entry) => [entry.name, entry.pid])),
    kill: (name: string, signal: NodeJS.Signals = "SIGKILL") => supervisor.kill(name, signal),
    waitReady: (name: string, timeoutMs = readyWithinMs) => supervisor.waitReady(name, timeoutMs),
  };
}

function recordRun(root: string, placed: readonly PlacedService[], supervisor: Supervisor): void {
  writeRun(root, {
    runner: { pid: process.pid, mark: processMark(process.pid) ?? "" },
    startedAt: new Date().toISOString(),
    ...edgeOf(placed),
    processes: supervisor.processes(),
  });
}

function edgeOf(placed: readonly PlacedService[]): { gatewayAddress: string; httpUrl: string } {
  const gateways = placed.filter((entry) => entry.service === "gateway");
  return {
    gatewayAddress: gateways.map((entry) => entry.grpcAddress).join(","),
    httpUrl: gateways[0]?.httpUrl ?? "",
  };
}

/** The gateway takes in nothing new, then the services finish what they have, then the servers go. */
async function stopAll(root: string, supervisor: Supervisor, ports: PortBlock): Promise<void> {
  supervisor.close();
  const names = (wanted: (entry: { name: string; kind: string }) => boolean) =>
    supervisor
      .names()
      .filter(wanted)
      .map((entry) => entry.name);
  await supervisor.stop(
    names(({ name }) => name.startsWith("gateway")),
    drainWithinMs,
  );
  await supervisor.stop(
    names(({ kind }) => kind === "service"),
    drainWithinMs,
  );
  await supervisor.stop(
    names(({ kind }) => kind === "server"),
    drainWithinMs,
  );
  ports[Symbol.dispose]();
  removeRun(root);
}

function report(event: SupervisorEvent, supervisor: Supervisor, log: (line: string) => void): void {
  if (event.type !== "crashed") return;
  const how = event.exit.signal ?? `exit code ${event.exit.code}`;
  const when = event.restartInMs === 0 ? "at once" : `in ${event.restartInMs} ms`;
  const where = supervisor.logFileOf(event.name).replace(`${checkoutDir}/`, "");
  log(`${event.name} ended (${how}); it starts again ${when}  (log: ${where})`);
}
