import { type Bus, type Snapshot, watchSnapshot } from "@agentmesh/bus";

/** A resource as it travels in the snapshot bucket. */
export type ResourceSnapshotRow<Spec> = {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Spec;
};

/** The snapshot topic of a kind. */
export function resourceTopic(kind: string): string {
  return `resource_${kind.toLowerCase()}`;
}

export function resourceKey(tenant: string, name: string): string {
  return `${tenant}.${name}`;
}

/**
 * All resources of a kind in memory, as they change. Look one up with the key `<tenant>.<name>`.
 *
 * @param parse turns a stored spec into what the service works with
 */
export function watchResources<Spec>(
  bus: Bus,
  kind: string,
  parse: (spec: unknown, row: { tenant: string; name: string; version: number }) => Spec,
  options: { maxStaleMs?: number; onChange?: (key: string, row: ResourceSnapshotRow<Spec> | undefined) => void } = {},
): Snapshot<ResourceSnapshotRow<Spec>> {
  return watchSnapshot(bus, {
    topic: resourceTopic(kind),
    ...options,
    parse(value) {
      const row = value as ResourceSnapshotRow<unknown>;
      return { ...row, spec: parse(row.spec, row) };
    },
  });
}
