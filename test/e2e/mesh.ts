import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type MeshClient } from "@agentmesh/client";
import { type MeshOptions, type RunningMesh, startMesh } from "@agentmesh/local";
import { removeMeshData } from "@agentmesh/local/remove-data";

/** A mesh of its own for one test file; disposing it stops everything and removes its data. */
export async function testMesh(options: Omit<MeshOptions, "root"> = {}): Promise<RunningMesh> {
  await using stack = new AsyncDisposableStack();
  const root = mkdtempSync(join(tmpdir(), "agentmesh-e2e-"));
  stack.defer(() => removeMeshData(root));
  const mesh = stack.use(await startMesh({ root, quiet: true, ...options }));
  const opened = stack.move();
  return { ...mesh, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** A client signed in as the mesh's first administrator. */
export async function adminClient(mesh: RunningMesh): Promise<MeshClient> {
  const client = connect({ address: mesh.gatewayAddress });
  const { tenant, adminUsername: username, adminPassword: password } = mesh;
  const { accessToken } = await client.auth.signIn({ tenant, username, password });
  client.setToken(accessToken);
  return client;
}
