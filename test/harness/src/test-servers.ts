import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findServers } from "@agentmesh/local/find-server";
import { freePort } from "@agentmesh/local/free-port";
import { planNats } from "@agentmesh/local/nats";
import { planRedis } from "@agentmesh/local/redis";
import { type ServerHandle, startServer } from "@agentmesh/local/server";
import type { TestFolder } from "./test-folder.ts";

const startAttempts = 3;

/** A nats-server with JetStream of its own, one open account, its store in the folder. */
export async function startNats(folder: TestFolder): Promise<ServerHandle> {
  const server = (await findServers({ names: ["nats"], log })).nats;
  if (server.from === "url") throw new Error("a server found without URLs came from a URL");
  const dir = subfolder(folder, "nats");
  return await startSomewhere(folder, (port) => startServer(planNats({ server, dir, port }), join(dir, "log")));
}

/** A redis-server of its own, without a password. */
export async function startRedis(folder: TestFolder): Promise<ServerHandle> {
  const server = (await findServers({ names: ["redis"], log })).redis;
  if (server.from === "url") throw new Error("a server found without URLs came from a URL");
  const dir = subfolder(folder, "redis");
  return await startSomewhere(folder, (port) => startServer(planRedis({ server, dir, port }), join(dir, "log")));
}

/** A free port can be lost between finding and binding it: then another is tried. */
async function startSomewhere(
  folder: TestFolder,
  start: (port: number) => Promise<ServerHandle>,
): Promise<ServerHandle> {
  for (let attempt = 1; ; attempt++) {
    try {
      const handle = await start(await freePort());
      folder.adopt(handle.pid());
      return {
        ...handle,
        restart: async () => {
          await handle.restart();
          folder.adopt(handle.pid());
        },
      };
    } catch (error) {
      if (attempt === startAttempts) throw error;
    }
  }
}

function subfolder(folder: TestFolder, name: string): string {
  const dir = join(folder.dir, name);
  mkdirSync(dir, { recursive: true });
  return dir;
}

function log(line: string): void {
  process.stderr.write(`harness: ${line}\n`);
}
