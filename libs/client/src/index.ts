export type { ApplyResult } from "./apply-file.ts";
export { type ConnectOptions, connect, type MeshClient } from "./connect.ts";
export { readGatewayAddress, type Tls } from "./gateway-address.ts";
export { kinds, ownerOf, type ResourceOwner } from "./owner-of.ts";
export { type DeclaredResource, readResources } from "./read-resources.ts";
export { type StreamAgentOptions, streamAgent } from "./stream-agent.ts";
