import { AppError } from "@agentmesh/errors";
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { McpServer } from "../../domain/tool-spec.ts";
import type { HttpCaller } from "../http-send.ts";

/** Commands by the name that declarations use. */
export type McpCommands = Readonly<
  Record<
    string,
    { readonly command: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }
  >
>;

export type ConnectOptions = { readonly commands: McpCommands; readonly http: HttpCaller; readonly timeoutMs: number };

const MAX_MESSAGE_BYTES = 1024 * 1024;

/** A session with an MCP server, initialised. The SDK is loaded by the first one: most processes never need it. */
export async function connectMcp(server: McpServer, options: ConnectOptions): Promise<Client> {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const client = new Client({ name: "agentmesh", version: "1" });
  const transport = await transportTo(server, options);
  await client.connect(transport, { timeout: options.timeoutMs });
  return client;
}

async function transportTo(server: McpServer, { commands, http }: ConnectOptions): Promise<Transport> {
  if (server.transport === "stdio") {
    const allowed = Object.hasOwn(commands, server.command) ? commands[server.command] : undefined;
    if (!allowed) throw new AppError("PERMISSION_DENIED", `the command ${server.command} is not allowed any more`);
    const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
    const { command, args, env } = allowed;
    return new StdioClientTransport({
      command,
      args: [...args],
      env: { ...env },
      stderr: "ignore",
      maxBufferSize: MAX_MESSAGE_BYTES,
    });
  }
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  http.assertAllowed(new URL(server.url));
  return new StreamableHTTPClientTransport(new URL(server.url), {
    requestInit: { headers: { ...server.headers } },
    fetch: (url, init) => fetchGuarded(http, url, init),
  });
}

/** Through the dispatcher that refuses private networks; redirects are not followed. */
async function fetchGuarded(http: HttpCaller, url: string | URL, init: RequestInit = {}): Promise<Response> {
  const { fetch } = await import("undici");
  const { method = "GET", body, headers, signal } = init;
  return fetch(url, {
    method,
    headers: Object.fromEntries(new Headers(headers)),
    // Messages are JSON texts; the SDK sends nothing else.
    ...(typeof body === "string" && { body }),
    ...(signal && { signal }),
    dispatcher: await http.dispatcher(),
    redirect: "error",
  });
}
