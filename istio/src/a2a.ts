import type { CatalogMethod } from "@agentmesh/proto/catalog";

/** What the edge serves of A2A 1.0 over gRPC. A test compares it with the protocol the gateway loads. */
export const a2aService = "lf.a2a.v1.A2AService";

export const a2aMethods: readonly string[] = [
  "SendMessage",
  "SendStreamingMessage",
  "GetTask",
  "ListTasks",
  "CancelTask",
  "SubscribeToTask",
  "GetExtendedAgentCard",
];

export const a2aPaths: readonly string[] = a2aMethods.map((name) => `/${a2aService}/${name}`);

/** Each stands for a call to the runner, the longest of which is a run. None is repeated: a message is a new run. */
export function a2aTimeoutMs(methods: readonly CatalogMethod[]): number {
  return Math.max(...methods.filter(({ service }) => service === "agent-runner").map(({ timeoutMs }) => timeoutMs));
}
