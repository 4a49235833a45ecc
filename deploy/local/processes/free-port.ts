import { createServer, type Server } from "node:net";

/** Below the ports that Linux hands to outgoing connections (32768 and up), so that none of those takes ours. */
const firstPort = 15_000;
const lastPort = 31_999;
const attempts = 100;

/** Whether a listener can be opened there now. */
export async function isPortFree(port: number, host = "127.0.0.1"): Promise<boolean> {
  const server = await tryListen(port, host);
  server?.close();
  return server !== undefined;
}

/** Holds the port until the returned server is closed; undefined when somebody else has it. */
export function tryListen(port: number, host = "127.0.0.1"): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });
}

/** A port that was free a moment ago. Whoever binds it must still cope with losing the race. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort));
    if ((await isPortFree(port, "127.0.0.1")) && (await isPortFree(port, "0.0.0.0"))) return port;
  }
  throw new Error(`no free port between ${firstPort} and ${lastPort} in ${attempts} attempts`);
}
