// A mesh that runs out of this checkout says where it is in .agentmesh/run.json.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type LocalMesh = { readonly gatewayAddress: string; readonly password: string | undefined };

/** What a mesh begins with: one tenant, one administrator. */
export const localTenant = "acme";
export const localAdministrator = "admin";

/** Where the mesh of this checkout keeps its data. */
export const localRoot = fileURLToPath(new URL("../../../../.agentmesh/", import.meta.url));

/** The mesh that runs there, with its administrator's password for whoever may read the mesh's secrets anyway. */
export function findLocalMesh(root = localRoot): LocalMesh | undefined {
  const run: { gatewayAddress?: unknown } = readJson(join(root, "run.json")) ?? {};
  if (typeof run.gatewayAddress !== "string" || run.gatewayAddress === "") return undefined;
  const secrets: { adminPassword?: unknown } = readJson(join(root, "secrets.json")) ?? {};
  const password = typeof secrets.adminPassword === "string" ? secrets.adminPassword : undefined;
  return { gatewayAddress: run.gatewayAddress, password };
}

function readJson(file: string): object | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
