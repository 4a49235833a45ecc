import { type Bus, eventSubject } from "@agentmesh/bus";
import { newId } from "@agentmesh/ids";
import type { DlpFound } from "@agentmesh/proto/compliance";
import { dlpFoundEvent } from "@agentmesh/proto/compliance.contract";
import type { RequestRefused } from "@agentmesh/proto/gateway";
import { requestRefusedEvent } from "@agentmesh/proto/gateway.contract";
import { currentTraceparent } from "@agentmesh/telemetry";

export type EdgeEvents = AsyncDisposable & {
  dlpFound(tenant: string, data: DlpFound): void;
  requestRefused(tenant: string, data: RequestRefused): void;
};

// Beyond this many on their way events are dropped and counted: they feed alerts, while audit is the record.
const MAX_IN_FLIGHT = 256;
const PUBLISHER = "gateway";

type Outgoing = { readonly tenant: string; readonly type: string; readonly key: string; readonly body: Uint8Array };

/** The edge keeps no database, hence no outbox: its events go straight to the stream, at most once. */
export function openEdgeEvents(bus: Bus): EdgeEvents {
  const lost = bus.metrics.counter("agentmesh_gateway_events_lost_total", "Events of the edge that never left", [
    "type",
  ]);
  const inFlight = new Set<Promise<void>>();

  function send(event: Outgoing): void {
    if (inFlight.size >= MAX_IN_FLIGHT) {
      lost.inc({ type: event.type });
      return;
    }
    const sending = publish(bus, event)
      .catch(() => lost.inc({ type: event.type }))
      .finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  }

  return {
    dlpFound(tenant, data) {
      const body = dlpFoundEvent.message.encode(data).finish();
      send({ tenant, type: dlpFoundEvent.type, key: data.requestId, body });
    },
    requestRefused(tenant, data) {
      const body = requestRefusedEvent.message.encode(data).finish();
      send({ tenant, type: requestRefusedEvent.type, key: data.requestId, body });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(inFlight);
    },
  };
}

async function publish(bus: Bus, { tenant, type, key, body }: Outgoing): Promise<void> {
  const id = newId();
  const traceparent = currentTraceparent();
  const carried = {
    "ce-specversion": "1.0",
    "ce-id": id,
    "ce-source": `mesh/${PUBLISHER}`,
    "ce-type": type,
    "ce-time": new Date().toISOString(),
    "content-type": "application/protobuf",
    ...(traceparent && { traceparent }),
  };
  await bus.publish(eventSubject(tenant, PUBLISHER, type, key), body, { messageId: id, headers: carried });
}
