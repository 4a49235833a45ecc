import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { TokenReply } from "@agentmesh/proto/auth";
import type { MeshClient } from "../connect.ts";
import type { Shell } from "./command.ts";

const PATH = "/callback";
const WITHIN_MS = 600_000;

/** Waits on loopback for the browser that the identity provider sends back (RFC 8252). */
export async function signInWithBrowser(
  mesh: MeshClient,
  { tenant, provider }: { tenant: string; provider: string },
  { out, signal }: Shell,
): Promise<TokenReply> {
  const { promise: callback, resolve } = Promise.withResolvers<string>();
  const server = createServer((request, response) => answer(request, response, resolve));
  server.listen(0, "127.0.0.1");
  await once(server, "listening", { signal });
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
  try {
    const redirectUri = `${origin}${PATH}`;
    const started = await mesh.auth.startSignIn({ tenant, provider, redirectUri }, { signal });
    out.note(`Open this in a browser on this machine:\n\n  ${started.authorizationUrl}\n`);
    const path = await unlessOver(callback, AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]));
    return await mesh.auth.finishSignIn({ handle: started.handle, callbackUrl: `${origin}${path}` }, { signal });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function answer(request: IncomingMessage, response: ServerResponse, came: (path: string) => void): void {
  const path = request.url ?? "";
  if (!path.startsWith(`${PATH}?`)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": "text/plain", connection: "close" });
  response.end("You may close this page and go back to the terminal.\n", () => came(path));
}

async function unlessOver<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
