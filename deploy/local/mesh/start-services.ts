import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Supervisor } from "../processes/supervisor.ts";
import type { Provisioned } from "../provision/provision.ts";
import { serviceEnvironment } from "../provision/service-environment.ts";
import type { MeshOptions } from "./running-mesh.ts";
import { addressesOf, type PlacedService, planService } from "./service-plans.ts";
import type { MeshServers } from "./start-servers.ts";

const readyWithinMs = 60_000;

/** The tenant and the administrator that auth creates when it has none. */
export const firstTenant = "acme";
export const firstAdministrator = "admin";

type StartServices = {
  readonly root: string;
  readonly options: MeshOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly placed: readonly PlacedService[];
  readonly servers: MeshServers;
  readonly provisioned: Provisioned;
  readonly supervisor: Supervisor;
  readonly log: (line: string) => void;
};

/** Starts all of them at once; rejects with every one that did not get ready, its reason and the end of its log. */
export async function startServices(start: StartServices): Promise<void> {
  const { placed, servers, provisioned, supervisor } = start;
  const began = performance.now();
  const addresses = addressesOf(placed);
  const results = await Promise.allSettled(
    placed.map(async (entry) => {
      const own = serviceEnvironment({
        service: entry.service,
        secrets: provisioned.secrets,
        postgresUrl: provisioned.postgresUrls[entry.service] ?? "",
        natsUrl: servers.natsUrlOf(entry.service),
        redisUrl: servers.redisUrl,
        tenant: firstTenant,
        adminUsername: firstAdministrator,
        addresses,
      });
      // The superuser's URL is nothing a service should have.
      const env = { ...start.env, POSTGRES_ADMIN_URL: undefined, ...own, AUDIT_SPOOL_DIR: spoolDir(start.root, entry) };
      const plan = planService(entry, (await start.options.environment?.(entry, env)) ?? env, start.options.command);
      await supervisor.start(plan, start.options.readyWithinMs ?? readyWithinMs);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      start.log(`${entry.name.padEnd(16)} ${entry.grpcAddress.padEnd(15)} ready after ${seconds} s`);
    }),
  );
  const missing = results.filter((result) => result.status === "rejected");
  if (missing.length > 0) {
    const reasons = missing.map(({ reason }) => (reason instanceof Error ? reason.message : String(reason)));
    throw new Error(`${missing.length} of ${placed.length} services did not get ready:\n\n${reasons.join("\n\n")}`);
  }
}

/** What could not be audited at once waits here, per process: it must survive a restart, and no two may share it. */
function spoolDir(root: string, entry: PlacedService): string {
  const dir = join(root, "spool", entry.name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}
