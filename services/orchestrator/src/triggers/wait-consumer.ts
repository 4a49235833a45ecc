import { subjectToken } from "@agentmesh/bus";
import { sha256Hex } from "@agentmesh/ids";
import type { EventKind } from "../store/event-matches.ts";

/** Subjects of a kind of events. */
export function waitFilter({ tenant, publisher, type }: EventKind): string {
  return `evt.${subjectToken(tenant)}.${publisher}.${type}.>`;
}

/** Name of the consumer that the replicas share for a kind of events. */
export function waitConsumer(match: EventKind): string {
  return `orchestrator-wait-${subjectToken(match.tenant)}-${sha256Hex(waitFilter(match)).slice(0, 12)}`;
}
