// A real MCP server for the tests: `node mcp-server.ts` speaks stdio; startMcpServer() streamable HTTP with sessions.
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { z } from "zod";

function notes(): McpServer {
  const server = new McpServer({ name: "notes", version: "1.0.0" });
  const kept: string[] = [];
  server.registerTool(
    "note_add",
    { description: "Keep a note", inputSchema: { text: z.string().min(1) } },
    ({ text }, { _meta }) => {
      kept.push(text);
      return {
        content: [{ type: "text", text: `kept ${kept.length} under ${String(_meta?.["agentmesh/idempotencyKey"])}` }],
      };
    },
  );
  server.registerTool(
    "note_list",
    { description: "All notes", inputSchema: {}, annotations: { readOnlyHint: true } },
    () => ({ content: [{ type: "text", text: JSON.stringify({ kept, title: process.title }) }] }),
  );
  server.registerTool(
    "note_find",
    { description: "Find notes", inputSchema: { query: z.string().min(1) }, annotations: { readOnlyHint: true } },
    ({ query }, { _meta = {} }) => ({
      content: [{ type: "text", text: JSON.stringify({ found: `Refunds take five days: ${query}`, told: _meta }) }],
    }),
  );
  server.registerTool("fail", { description: "Fails", inputSchema: {} }, () => ({
    isError: true,
    content: [{ type: "text", text: "the notebook is full" }],
  }));
  server.registerTool("hang", { description: "Never answers", inputSchema: {} }, () => new Promise(() => undefined));
  server.registerTool("crash", { description: "Ends the process", inputSchema: {} }, () => process.exit(1));
  return server;
}

export type TestMcpServer = AsyncDisposable & {
  readonly url: string;
  readonly sessions: number;
  readonly authorizations: readonly (string | undefined)[];
  /** Forgets all sessions, as a server does that restarts. */
  forget(): void;
};

export async function startMcpServer(): Promise<TestMcpServer> {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const authorizations: (string | undefined)[] = [];
  let opened = 0;

  async function transportOf(request: IncomingMessage): Promise<StreamableHTTPServerTransport | undefined> {
    const id = request.headers["mcp-session-id"];
    if (typeof id === "string") return transports.get(id);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (session) => {
        opened += 1;
        transports.set(session, transport);
      },
    });
    await notes().connect(transport as Transport);
    return transport;
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    authorizations.push(request.headers.authorization);
    void transportOf(request).then((transport) => {
      if (transport) return transport.handleRequest(request, response);
      response.writeHead(404).end("no such session");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    get sessions() {
      return opened;
    },
    authorizations,
    forget: () => transports.clear(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

if (import.meta.main) await notes().connect(new StdioServerTransport());
