import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isRunning, readRun, stopLeftovers } from "../processes/run-file.ts";
import { dockerAnswers, removeContainer, removeVolumes } from "../servers/docker.ts";
import { removePostgresHome } from "../servers/postgres-home.ts";
import { containerOf } from "./start-servers.ts";

/**
 * Removes the data, secrets and logs of a stopped mesh, also where they live outside its root: PostgreSQL's data behind
 * a link, volumes of a Docker engine.
 *
 * @param kept names directly under the root that stay; default none
 */
export async function removeMeshData(root: string, kept: readonly string[] = []): Promise<void> {
  if (!existsSync(root)) return;
  removePostgresHome(join(root, "postgres"));
  for (const name of readdirSync(root)) {
    if (!kept.includes(name)) rmSync(join(root, name), { recursive: true, force: true });
  }
  if (kept.length === 0) rmSync(root, { recursive: true, force: true });
  if (!(await dockerAnswers())) return;
  const containers = ["postgres", "nats", "redis"].map((name) => containerOf(name, root));
  for (const container of containers) await removeContainer(container);
  await removeVolumes(containers);
}

const graceMs = 5_000;

/**
 * Removes what an earlier mesh left on a root, its processes too where its runner was killed.
 *
 * @throws Error where it still runs
 */
export async function removeFormerMesh(root: string): Promise<void> {
  const record = readRun(root);
  if (record && isRunning(record)) {
    throw new Error(`a mesh runs on ${root} (process ${record.runner.pid}): wait for its end, or end it with Ctrl-C`);
  }
  if (record) await stopLeftovers(record, graceMs);
  await removeMeshData(root);
}
