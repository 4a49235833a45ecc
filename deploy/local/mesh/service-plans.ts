import { get } from "node:http";
import { join } from "node:path";
import { checkoutDir } from "../checkout.ts";
import type { PortBlock } from "../processes/ports.ts";
import type { SupervisedPlan } from "../processes/supervisor.ts";
import { meshServices } from "../services.ts";
import { nodeFlags, nodeVariables } from "./node-settings.ts";
import type { MeshService } from "./running-mesh.ts";

export type PlacedService = MeshService & {
  readonly grpcPort: number;
  readonly adminPort: number;
  readonly httpPort?: number;
};

const probeWithinMs = 2_000;
const maxReplicas = 16;

/** Where each process of each service listens. Only the loopback: what runs on a laptop is not for its network. */
export async function placeServices(
  ports: PortBlock,
  replicas: Readonly<Record<string, number>>,
): Promise<PlacedService[]> {
  for (const [service, count] of Object.entries(replicas)) checkReplicas(service, count);
  const placed: PlacedService[] = [];
  // The gateway first: what people type gets the first ports of the block.
  for (const service of [...meshServices].sort((a, b) => Number(b === "gateway") - Number(a === "gateway"))) {
    for (let replica = 1; replica <= (replicas[service] ?? 1); replica++) {
      const name = replica === 1 ? service : `${service}-${replica}`;
      const httpPort = service === "gateway" ? await ports.take(`${name}.http`) : undefined;
      const grpcPort = await ports.take(`${name}.grpc`);
      const adminPort = await ports.take(`${name}.admin`);
      placed.push({
        name,
        service,
        grpcPort,
        adminPort,
        grpcAddress: `127.0.0.1:${grpcPort}`,
        adminUrl: `http://127.0.0.1:${adminPort}`,
        ...(httpPort !== undefined && { httpPort, httpUrl: `http://127.0.0.1:${httpPort}` }),
      });
    }
  }
  return placed;
}

function checkReplicas(service: string, count: number): void {
  if (!meshServices.includes(service)) {
    throw new Error(`replicas of ${service}: there is no such service; there are ${meshServices.join(", ")}`);
  }
  if (!Number.isInteger(count) || count < 1 || count > maxReplicas) {
    throw new Error(`replicas of ${service} is ${count}: expected a whole number from 1 to ${maxReplicas}`);
  }
}

/** By service, `host:port[,host:port]`. */
export function addressesOf(placed: readonly PlacedService[]): Record<string, string> {
  return Object.fromEntries(
    meshServices.map((service) => [
      service,
      placed
        .filter((entry) => entry.service === service)
        .map((entry) => entry.grpcAddress)
        .join(","),
    ]),
  );
}

/** The process of one service. It is ready when its own /readyz says so. */
export function planService(
  placed: PlacedService,
  env: Readonly<Record<string, string | undefined>>,
  command?: (service: string) => readonly string[],
): SupervisedPlan {
  const [program = process.execPath, ...args] = command?.(placed.service) ?? [
    process.execPath,
    ...nodeFlags,
    join("services", placed.service, "src", "main.ts"),
  ];
  return {
    name: placed.name,
    kind: "service",
    what: `${placed.name} on ${placed.grpcAddress}`,
    command: program,
    args,
    cwd: checkoutDir,
    env: {
      ...nodeVariables,
      ...env,
      LISTEN_HOST: "127.0.0.1",
      GRPC_PORT: String(placed.grpcPort),
      ADMIN_PORT: String(placed.adminPort),
      ...(placed.httpPort !== undefined && { HTTP_PORT: String(placed.httpPort) }),
    },
    probe: () => probeReady(`${placed.adminUrl}/readyz`),
  };
}

/** GET answers 200; otherwise the reason the service gives. */
export function probeReady(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: probeWithinMs }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => {
        body = (body + chunk.toString()).slice(0, 500);
      });
      response.once("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${response.statusCode} ${body.trim()}`));
      });
    });
    request.once("timeout", () => request.destroy(new Error(`${url} does not answer`)));
    request.once("error", reject);
  });
}
