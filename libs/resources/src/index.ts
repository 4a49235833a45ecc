export { type KindRules, type ResourceKinds, resourceMigrations } from "./kinds.ts";
export { openResources, type Resources, type ResourcesOptions } from "./open-resources.ts";
export { readResource, resourceName, type StoredResource } from "./store.ts";
export { type ResourceSnapshotRow, resourceTopic, watchResources } from "./watch-resources.ts";
