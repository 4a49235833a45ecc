import { join } from "node:path";
import { type Publisher, readPublishers } from "@agentmesh/publishers";

/** What a mesh begins with: publishers.yaml of this folder. */
export function shippedPublishers(): Publisher[] {
  return readPublishers(join(import.meta.dirname, "publishers.yaml"));
}
