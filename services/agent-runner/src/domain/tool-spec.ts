import { z } from "zod";
import { effectsIssues, effectsSpec } from "./effects-spec.ts";
import { resourceName } from "./resource-name.ts";

const document = z.strictObject({
  id: z.string().min(1).max(256),
  title: z.string().max(1_000).default(""),
  text: z.string(),
});

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const headers = z.record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), z.string().max(4_096)).default({});
/** Sends tenant and subject along, only to hosts the operator listed (`httpTools.identityHosts`) and commands. */
const passIdentity = z.boolean().default(false);

const mcpServer = z.discriminatedUnion("transport", [
  /** A command the operator listed (`mcp.commands`), started with the arguments and environment given there. */
  z.strictObject({ transport: z.literal("stdio"), command: z.string().min(1).max(64) }),
  /** Streamable HTTP. */
  z.strictObject({ transport: z.literal("http"), url: z.string().max(2_000), headers }),
]);

const source = z.discriminatedUnion("type", [
  /** Search by words (BM25); the argument is `query`. */
  z.strictObject({
    type: z.literal("documents"),
    documents: z.array(document).min(1).max(5_000),
    /** Results at most. */
    top: z.int().min(1).max(20).default(3),
  }),
  /** A row by its key; the argument is named as the key column. */
  z.strictObject({
    type: z.literal("table"),
    key: z.string().min(1).max(64),
    rows: z.array(z.record(z.string(), z.union([scalar, z.array(scalar)]))).max(10_000),
  }),
  /** One declared request; `{name}` in path and query is an argument, all others are the JSON body. */
  z.strictObject({
    type: z.literal("http"),
    method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]).default("GET"),
    url: z.string().max(2_000),
    headers,
    passIdentity,
  }),
  /** One operation of an OpenAPI 3 document; parameters come from it. */
  z.strictObject({
    type: z.literal("openapi"),
    document: z.record(z.string(), z.unknown()),
    operationId: z.string().min(1).max(200),
    /** Where it is; default: the document's first server. */
    server: z.string().max(2_000).optional(),
    headers,
    passIdentity,
  }),
  /** A function that is registered in code; parameters come from it. */
  z.strictObject({ type: z.literal("function"), name: z.string().min(1).max(64) }),
  /** Another agent: the argument `text` if it is the only one, else all arguments, are its input. */
  z.strictObject({ type: z.literal("agent"), agent: resourceName }),
  /** A tool of a Model Context Protocol server, with the parameters declared here: the server cannot change them. */
  z.strictObject({ type: z.literal("mcp"), server: mcpServer, tool: z.string().min(1).max(128), passIdentity }),
  /** Answers its arguments. */
  z.strictObject({ type: z.literal("identity") }),
]);

const DERIVED: ReadonlySet<string> = new Set(["function", "openapi"]);

/** A Tool as it is declared. */
export const toolSpec = z
  .strictObject({
    /** What the model reads to decide whether to call it. */
    description: z.string().min(1).max(4_000),
    /** `read` changes nothing; `idempotent` may be repeated; `effectful` may not. */
    effect: z.enum(["read", "idempotent", "effectful"]),
    /** How an effect is had once. Default: `keyed` for HTTP and OpenAPI, `none` for functions and MCP. */
    effects: effectsSpec.optional(),
    /** JSON Schema of the arguments, an object. Left out for functions and OpenAPI operations, which bring theirs. */
    parameters: z.record(z.string(), z.unknown()).optional(),
    /** Of one try, in milliseconds. */
    timeoutMs: z.int().min(10).max(120_000).default(5_000),
    retry: z
      .strictObject({
        /** Tries in all of a call that failed in a way that may pass. An effectful tool has one. */
        attempts: z.int().min(1).max(5).default(1),
        /** Before the first retry, doubled with each, in milliseconds. */
        delayMs: z.int().min(1).max(10_000).default(200),
      })
      .prefault({}),
    /** What the caller of the run must hold, for instance `agent:create`; empty: nothing beyond running the agent. */
    permission: z
      .string()
      .regex(/^([a-z][a-z-]{0,31}:[a-z][a-z-]{0,31})?$/, 'must be "resource:verb", for instance "system:config"')
      .default(""),
    source,
  })
  .superRefine((spec, issues) => {
    for (const issue of effectsIssues(spec)) issues.addIssue({ code: "custom", ...issue });
    if (spec.effect === "effectful" && spec.retry.attempts > 1) {
      issues.addIssue({ code: "custom", path: ["retry", "attempts"], message: "must be 1 for an effectful tool" });
    }
    if (!spec.parameters && !DERIVED.has(spec.source.type)) {
      issues.addIssue({
        code: "custom",
        path: ["parameters"],
        message: `is required for a tool of type ${spec.source.type}`,
      });
    }
  });

export type ToolSpec = z.infer<typeof toolSpec>;
export type ToolSource = ToolSpec["source"];
export type ToolEffect = ToolSpec["effect"];
export type McpServer = Extract<ToolSource, { type: "mcp" }>["server"];
