import { shippedPublishers } from "@agentmesh/nats/shipped-publishers";
import { openRegistry, type Publisher } from "@agentmesh/publishers";
import type { Secrets } from "./secrets.ts";

/** The publishers that a mesh keeps in this file, with what is shipped where it is missing; publishers.conf is written beside. */
export function openPublishers(file: string, secrets: Secrets): Publisher[] {
  return openRegistry(file, shippedPublishers(), secrets.natsPasswords);
}
