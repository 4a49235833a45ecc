import type { McpServer, ToolEffect } from "../../domain/tool-spec.ts";
import type { ToolResource } from "../openapi/openapi-tools.ts";
import type { McpSessions } from "./open-mcp-sessions.ts";

const MAX_TOOLS = 256;

/**
 * A Tool resource for each tool of an MCP server, ready to be applied. What the server says of a tool now is what stays
 * declared: one that changes its descriptions later changes nothing here. A tool that does not say it only reads counts
 * as effectful.
 *
 * @throws AppError UNAVAILABLE when the server does not answer
 */
export async function mcpTools(
  sessions: McpSessions,
  server: McpServer,
  options: { tenant: string; prefix?: string },
): Promise<ToolResource[]> {
  const { tenant, prefix = "" } = options;
  return sessions.use(tenant, server, async (client) => {
    const resources: ToolResource[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.listTools(cursor === undefined ? {} : { cursor });
      for (const { name, description = name, inputSchema, annotations = {} } of page.tools) {
        const { $schema: _, ...parameters } = inputSchema;
        resources.push({
          kind: "Tool",
          name: `${prefix}${name.toLowerCase().replace(/[^a-z0-9_-]+/g, "_")}`.slice(0, 63),
          spec: { description, effect: effectOf(annotations), parameters, source: { type: "mcp", server, tool: name } },
        });
      }
      cursor = page.nextCursor;
    } while (cursor !== undefined && resources.length < MAX_TOOLS);
    return resources.slice(0, MAX_TOOLS);
  });
}

function effectOf(says: { readOnlyHint?: boolean | undefined; idempotentHint?: boolean | undefined }): ToolEffect {
  return says.readOnlyHint ? "read" : says.idempotentHint ? "idempotent" : "effectful";
}
