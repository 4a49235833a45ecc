export {
  issue,
  limit,
  type PublisherName,
  type Publishers,
  revoke,
  rotate,
  stepsTo,
  type Which,
} from "./change-publishers.ts";
export { kubernetesManifest, publishersSecret } from "./kubernetes.ts";
export { changePublishers, findNats, type NatsServer, publishersFileOf } from "./local-server.ts";
export { meshAccount, publishersConf } from "./names.ts";
export { accountOf, type Publisher, type PublisherKey } from "./publisher.ts";
export { type IssuedKey, newPublisherKey } from "./publisher-key.ts";
export { openRegistry, readPublishers, writePublishers, writePublishersConf } from "./registry.ts";
export { type Permissions, quote, renderPermissions } from "./write-config.ts";
