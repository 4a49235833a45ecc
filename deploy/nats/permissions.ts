// What each service may say and hear on NATS, derived from the catalog of events.

import { type CatalogEvent, catalogEvents, catalogServices } from "@agentmesh/proto/catalog";
import type { Permissions } from "@agentmesh/publishers";

/** The only service that hands out work. */
const workPublisher = "orchestrator";

/**
 * Services create and read streams, consumers and buckets through the JetStream API; what destroys stored messages is
 * left to the administrator.
 */
const jetStreamApi = ["$JS.API.>", "$JS.ACK.>", "$JS.FC.>"];
const destructiveApi = [
  "$JS.API.STREAM.DELETE.>",
  "$JS.API.STREAM.PURGE.>",
  "$JS.API.STREAM.MSG.DELETE.>",
  "$JS.API.STREAM.RESTORE.>",
  "$JS.API.STREAM.SNAPSHOT.>",
  "$JS.API.STREAM.PEER.>",
  "$JS.API.STREAM.LEADER.>",
  "$JS.API.SERVER.>",
  "$JS.API.ACCOUNT.PURGE.>",
];

/**
 * auth clears the marks that forgotten revocations leave in the snapshots, one key at a time: each session has a key, and
 * none comes back. NATS cannot allow less than the one bucket. Events and work stay the administrator's to destroy.
 */
const revoker = "auth";
const purgeAll = "$JS.API.STREAM.PURGE.>";
const revokerApi = destructiveApi.flatMap((subject) =>
  subject === purgeAll ? ["$JS.API.STREAM.PURGE.EVENTS", "$JS.API.STREAM.PURGE.WORK"] : [subject],
);

/**
 * A service publishes events under its own name only, for any tenant (the token of the tenant comes from the row that
 * the event was written with), and only its own topics of the snapshot bucket: nobody else can name roles, keys or
 * revocations. Wake-up hints go to `hint.>`.
 */
export function permissionsOf(service: string, events: readonly CatalogEvent[] = catalogEvents): Permissions {
  const topics = catalogServices.find((one) => one.service === service)?.topics ?? [];
  const publishes = events.some((event) => event.publisher === service || event.publisher === "*");
  return {
    publish: {
      allow: [
        ...(publishes ? [`evt.*.${service}.>`] : []),
        ...(service === workPublisher ? ["wf.>"] : []),
        "hint.>",
        ...topics.map((topic) => `$KV.snapshots.${topic}.>`),
        "_INBOX.>",
        ...jetStreamApi,
      ],
      deny: service === revoker ? revokerApi : destructiveApi,
    },
    subscribe: { allow: ["_INBOX.>", "hint.>"] },
  };
}
