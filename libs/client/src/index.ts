export { type ApplyResult, ownerOf, type ResourceOwner } from "./apply-file.ts";
export { type ConnectOptions, connect, type MeshClient } from "./connect.ts";
export { type DeclaredResource, readResources } from "./read-resources.ts";
