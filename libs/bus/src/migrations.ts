import type { MigrationSource } from "@agentmesh/postgres";

/** Tables outbox, inbox and dead_letter; goes first in the migrations of a service that publishes or consumes. */
export const busMigrations: MigrationSource = { name: "bus", folder: new URL("../migrations/", import.meta.url) };
