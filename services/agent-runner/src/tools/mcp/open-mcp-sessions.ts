import { AppError, describeError } from "@agentmesh/errors";
import { canonicalJson } from "@agentmesh/ids";
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { HttpStatus } from "../../domain/http-status.ts";
import type { McpServer } from "../../domain/tool-spec.ts";
import type { HttpCaller } from "../http-send.ts";
import { connectMcp, type McpCommands } from "./connect-mcp.ts";

/** Sessions with MCP servers, one a tenant and server, opened when first asked for and again after they broke. */
export type McpSessions = AsyncDisposable & {
  /** @throws AppError INVALID_ARGUMENT when such a server may not be used: unknown command, private network */
  assertAllowed(server: McpServer): void;
  /**
   * Works with the session of a tenant. A session that broke is forgotten, so that the next call opens another.
   *
   * @throws AppError UNAVAILABLE when it cannot be opened or broke
   */
  use<T>(tenant: string, server: McpServer, work: (client: Client) => Promise<T>): Promise<T>;
};

type Session = { readonly client: Promise<Client>; uses: number; lastUsedMs: number; isClosed: boolean };

const MAX_SESSIONS = 64;
const IDLE_MS = 300_000;
const SWEEP_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;

export function openMcpSessions(options: { commands: McpCommands; http: HttpCaller }): McpSessions {
  const sessions = new Map<string, Session>();

  async function forget(key: string, session: Session): Promise<void> {
    if (sessions.get(key) === session) sessions.delete(key);
    session.isClosed = true;
    await session.client.then((client) => client.close()).catch(() => undefined);
  }

  function open(key: string, server: McpServer): Session {
    makeRoom();
    const client = connectMcp(server, { ...options, timeoutMs: CONNECT_TIMEOUT_MS });
    const session: Session = { client, uses: 0, lastUsedMs: performance.now(), isClosed: false };
    sessions.set(key, session);
    client.then(
      (opened) => {
        opened.onclose = () => void forget(key, session);
      },
      () => void forget(key, session),
    );
    return session;
  }

  /** The one that was idle longest goes. */
  function makeRoom(): void {
    if (sessions.size < MAX_SESSIONS) return;
    const idle = [...sessions].filter(([, { uses }]) => uses === 0);
    const [oldest] = idle.sort(([, a], [, b]) => a.lastUsedMs - b.lastUsedMs);
    if (oldest) return void forget(...oldest);
    throw new AppError("RESOURCE_EXHAUSTED", `${MAX_SESSIONS} sessions with MCP servers are in use; try again later`, {
      reason: "MCP_SESSIONS_FULL",
      retryAfterMs: 1_000,
    });
  }

  const sweeper = setInterval(() => {
    const sinceMs = performance.now() - IDLE_MS;
    for (const [key, session] of sessions) {
      if (session.uses === 0 && session.lastUsedMs < sinceMs) void forget(key, session);
    }
  }, SWEEP_MS);
  sweeper.unref();

  return {
    assertAllowed: (server) => assertServerAllowed(server, options),
    async use(tenant, server, work) {
      const key = `${tenant}/${canonicalJson(server)}`;
      const session = sessions.get(key) ?? open(key, server);
      session.uses += 1;
      try {
        return await work(await session.client);
      } catch (error) {
        if (!isBroken(error, session)) throw error;
        await forget(key, session);
        throw new AppError("UNAVAILABLE", `${nameOf(server)} does not answer: ${describeError(error)}`, {
          reason: "MCP_UNAVAILABLE",
          cause: isForgotten(error) ? new HttpStatus(NO_SUCH_SESSION) : error,
        });
      } finally {
        session.uses -= 1;
        session.lastUsedMs = performance.now();
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(sweeper);
      await Promise.all([...sessions].map(([key, session]) => forget(key, session)));
    },
  };
}

function assertServerAllowed(server: McpServer, { commands, http }: { commands: McpCommands; http: HttpCaller }): void {
  const field = "spec.source.server";
  if (server.transport === "stdio") {
    if (Object.hasOwn(commands, server.command)) return;
    const known = Object.keys(commands).join(", ") || "none";
    throw new AppError(
      "INVALID_ARGUMENT",
      `${field}.command ${JSON.stringify(server.command)} is not allowed; an operator lists commands in mcp.commands: ${known}`,
      { reason: "COMMAND_NOT_ALLOWED", field: `${field}.command` },
    );
  }
  const url = URL.canParse(server.url) ? new URL(server.url) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${field}.url ${JSON.stringify(server.url.slice(0, 120))} is no http(s) URL`,
      {
        reason: "BAD_URL",
        field: `${field}.url`,
      },
    );
  }
  http.assertAllowed(url);
}

const NO_SUCH_SESSION = 404;

/** A server that no longer knows the session has not done what it was asked. */
function isForgotten(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "code") === NO_SUCH_SESSION;
}

/** JSON-RPC errors come from a server that is well; everything else says that the session is not. */
function isBroken(error: unknown, session: Session): boolean {
  if (error instanceof AppError) return false;
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  const isAnswer = typeof code === "number" && code <= -32_000 && code !== CONNECTION_CLOSED;
  const isAbort = error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
  return session.isClosed || !(isAnswer || isAbort);
}

/** The SDK's code of a call whose connection closed under it. */
const CONNECTION_CLOSED = -32_000;

function nameOf(server: McpServer): string {
  return server.transport === "stdio" ? `the MCP server ${server.command}` : `the MCP server at ${server.url}`;
}
