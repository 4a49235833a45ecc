/** What a peer needs installed, pinned: a figure is of one version. */
export type Peer = {
  /** Its package name: the subject of its figures. */
  readonly name: string;
  readonly version: string;
  /** Further packages that its own documentation tells people to install with it. */
  readonly beside?: Readonly<Record<string, string>>;
};

const zod = { zod: "4.6.7" };

/** Frameworks in which an agent is an object with a tool. */
export const agentPeers: readonly Peer[] = [
  { name: "ai", version: "7.0.173", beside: zod },
  { name: "@google/adk", version: "2.0.0", beside: zod },
  { name: "@mastra/core", version: "1.71.0", beside: zod },
  { name: "@voltagent/core", version: "2.10.0", beside: { ...zod, ai: "^6.0.0" } },
  { name: "@openai/agents", version: "0.20.0", beside: zod },
  { name: "@langchain/langgraph", version: "1.3.7", beside: { ...zod, "@langchain/core": "1.2.13" } },
];

/** What does many small pieces of work and brings their results together, on the same servers as the mesh. */
export const mapPeers: readonly Peer[] = [
  { name: "@dbos-inc/dbos-sdk", version: "5.3.0", beside: { pg: "8.23.1" } },
  { name: "graphile-worker", version: "0.18.0", beside: { pg: "8.23.1" } },
  { name: "bullmq", version: "6.7.0", beside: { ioredis: "5.9.2" } },
];

/** What runs three steps durably. */
export const workflowPeers: readonly Peer[] = [
  ...mapPeers,
  // The server is a platform's package of its own: a binary that comes from the registry.
  { name: "@restatedev/restate-server", version: "1.7.12", beside: { "@restatedev/restate-sdk": "1.17.2" } },
];

/** What asks a model, calls a tool and asks again over the wire of chat.completions. */
export const turnPeers: readonly Peer[] = [
  { name: "openai", version: "7.55.0", beside: zod },
  { name: "ai", version: "7.0.173", beside: { ...zod, "@ai-sdk/openai-compatible": "^3.0.0" } },
];

/** What decides who may do what. */
export const authzPeers: readonly Peer[] = [
  { name: "@cedar-policy/cedar-wasm", version: "4.13.0" },
  { name: "casbin", version: "5.51.1" },
];

/** What stands between a caller and a model and looks at what passes. */
export const gatewayPeers: readonly Peer[] = [{ name: "@portkey-ai/gateway", version: "1.15.2" }];
