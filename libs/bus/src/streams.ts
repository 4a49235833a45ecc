import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";

/** Domain events of all tenants: `evt.>`. */
export const EVENTS_STREAM = "EVENTS";
/** Work for runners: `wf.>`. */
export const WORK_STREAM = "WORK";
/** KV bucket of the small versioned snapshots that services enforce from. */
export const SNAPSHOT_BUCKET = "snapshots";

/** How long an event can be read from its stream. */
export const EVENTS_MAX_AGE_MS = 7 * 24 * 3600 * 1000;
export const MAX_STREAM_BYTES = 2 * 1024 ** 3;
// In the server's memory and lost when it is killed: a convenience, while inbox and epochs are the guarantee.
const DEDUPE_WINDOW_MS = 120_000;

type StreamSpec = Partial<StreamConfig> & Pick<StreamConfig, "name" | "subjects">;

const streams: readonly StreamSpec[] = [
  {
    name: EVENTS_STREAM,
    subjects: ["evt.>"],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_age: nanos(EVENTS_MAX_AGE_MS),
    max_bytes: MAX_STREAM_BYTES,
    duplicate_window: nanos(DEDUPE_WINDOW_MS),
  },
  {
    name: WORK_STREAM,
    subjects: ["wf.>"],
    storage: StorageType.File,
    retention: RetentionPolicy.Workqueue,
    discard: DiscardPolicy.New,
    max_bytes: MAX_STREAM_BYTES,
    duplicate_window: nanos(DEDUPE_WINDOW_MS),
  },
];

/** Creates what is missing. All services call it at start and again when a stream was lost: it is idempotent. */
export async function ensureStreams(jsm: JetStreamManager): Promise<void> {
  for (const spec of streams) {
    try {
      await jsm.streams.info(spec.name);
    } catch {
      await jsm.streams.add(spec);
    }
  }
}
