// A mesh of the soak's own: fresh data, real servers, all eight services as processes, an upstream and a collector of
// spans beside them, and users with API keys.
import { fileURLToPath } from "node:url";
import { connect, type MeshClient } from "@agentmesh/client";
import { type RunningMesh, startMesh } from "@agentmesh/local";
import { removeMeshData } from "@agentmesh/local/remove-data";
import type { Random } from "../random.ts";
import { type Collector, startCollector } from "../upstream/start-collector.ts";
import { startUpstream, type Upstream } from "../upstream/start-upstream.ts";
import { clearFormer } from "./clear-former.ts";

export type SoakMesh = AsyncDisposable & {
  readonly mesh: RunningMesh;
  readonly upstream: Upstream;
  readonly collector: Collector;
  /** One a user; they do not expire. */
  readonly clients: readonly [MeshClient, ...MeshClient[]];
};

export type SoakMeshOptions = {
  /** Data of an earlier soak is removed from it. */
  readonly root: string;
  /** Names under the root that stay when it is disposed. */
  readonly kept: readonly string[];
  readonly random: Random;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
};

const users = 8;
const resourcesFile = fileURLToPath(new URL("./resources.yaml", import.meta.url));

export async function openSoakMesh({ root, kept, random, log, signal }: SoakMeshOptions): Promise<SoakMesh> {
  await clearFormer(root);
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream(random));
  const collector = stack.use(await startCollector());
  stack.defer(() => removeMeshData(root, kept));
  log(`starting a mesh in ${root}`);
  const mesh = stack.use(
    await startMesh({
      root,
      log,
      signal,
      env: {
        LOG_LEVEL: "warn",
        VLLM_BASE_URL: upstream.baseUrl,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
        // Opens nothing by itself: a service that gets SIGUSR1 listens for its heap to be asked for, on any free port.
        NODE_OPTIONS: "--inspect-port=127.0.0.1:0",
      },
    }),
  );
  const secrets = await setUp(mesh);
  const open = (apiKey: string) => stack.use(connect({ address: mesh.gatewayAddress, apiKey }));
  const [first = "", ...others] = secrets;
  const clients = [open(first), ...others.map(open)] as const;
  const opened = stack.move();
  return { mesh, upstream, collector, clients, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** @returns an API key of each user */
async function setUp(mesh: RunningMesh): Promise<string[]> {
  await using admin = connect({ address: mesh.gatewayAddress });
  const { tenant, adminUsername: username, adminPassword: password } = mesh;
  const { accessToken } = await admin.auth.signIn({ tenant, username, password });
  admin.setToken(accessToken);
  await admin.applyFile(resourcesFile);
  const secrets: string[] = [];
  for (let user = 1; user <= users; user++) {
    const name = `soak-${user}`;
    await admin.auth.createUser({
      username: name,
      displayName: name,
      department: "soak",
      roles: ["workflow_runner"],
      serviceAccount: true,
    });
    const { secret } = await admin.auth.createApiKey({ name, username: name, scopes: ["agent:execute", "agent:read"] });
    secrets.push(secret);
  }
  return secrets;
}
