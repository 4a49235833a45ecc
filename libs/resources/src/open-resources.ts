import { recordAudit } from "@agentmesh/audit";
import { type Bus, publishSnapshots, type SnapshotPublisher, type SnapshotRow } from "@agentmesh/bus";
import { validate } from "@agentmesh/config";
import { AppError } from "@agentmesh/errors";
import type { Principal } from "@agentmesh/identity";
import { canonicalJson, sha256Hex } from "@agentmesh/ids";
import type { Database, Transaction } from "@agentmesh/postgres";
import type {
  ApplyResourceReply,
  ApplyResourceRequest,
  DeleteResourceReply,
  DeleteResourceRequest,
  GetResourceRequest,
  ListResourcesReply,
  ListResourcesRequest,
  Resource,
} from "@agentmesh/proto/resource";
import { ApplyResourceReply_Outcome } from "@agentmesh/proto/resource";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { KindRules, ResourceKinds } from "./kinds.ts";
import {
  listAllOfKind,
  listResources,
  lockResource,
  readResource,
  readVersion,
  resourceName,
  type StoredResource,
  toResource,
  writeVersion,
} from "./store.ts";
import { resourceKey, resourceTopic } from "./watch-resources.ts";

export type ResourcesOptions = {
  readonly service: string;
  readonly db: Database;
  readonly bus: Bus;
  readonly kinds: ResourceKinds;
  /** In the transaction of each change; `undefined`: deleted. For tables derived from a resource. */
  readonly onChange?: (tx: Transaction, row: StoredResource) => Promise<void>;
};

/** The four RPC handlers every owner of kinds serves, and the snapshots behind them. */
export type Resources = AsyncDisposable & {
  applyResource(request: ApplyResourceRequest, call: Call): Promise<ApplyResourceReply>;
  getResource(request: GetResourceRequest, call: Call): Promise<Resource>;
  listResources(request: ListResourcesRequest, call: Call): Promise<ListResourcesReply>;
  deleteResource(request: DeleteResourceRequest, call: Call): Promise<DeleteResourceReply>;
  /** As applyResource, for resources the service ships itself. */
  apply(principal: Pick<Principal, "tenant" | "subject">, request: ApplyResourceRequest): Promise<ApplyResourceReply>;
};

const MAX_SPEC_BYTES = 1024 * 1024;
const DEFAULT_PAGE = 100;
const MAX_PAGE = 500;

/** Opens the kinds a service owns: their current state is published as snapshots, and each change after its commit. */
export async function openResources(options: ResourcesOptions): Promise<Resources> {
  const publishers = new Map<string, SnapshotPublisher>();
  for (const kind of Object.keys(options.kinds)) {
    const load = async () => (await listAllOfKind(options.db, kind)).map(snapshotRow);
    publishers.set(kind, await publishSnapshots(options.bus, resourceTopic(kind), load));
  }

  async function publish(row: StoredResource): Promise<void> {
    await publishers
      .get(row.kind)
      ?.put(snapshotRow(row))
      .catch(() => {
        options.bus.log.warn({ kind: row.kind, name: row.name }, "snapshot not published; the beat repairs it");
      });
  }

  async function apply(principal: Pick<Principal, "tenant" | "subject">, request: ApplyResourceRequest) {
    const rules = rulesOf(options.kinds, request.kind);
    resourceName(request.name);
    const candidate = checked(request, rules);
    const result = await options.db.transaction((tx) => applyIn(tx, options, principal, request, candidate, rules));
    if (!request.dryRun && result.outcome !== ApplyResourceReply_Outcome.UNCHANGED) await publish(result.row);
    return { resource: toResource(result.row), outcome: result.outcome };
  }

  return {
    apply,
    applyResource: (request, call) => apply(requirePrincipal(call), request),
    async getResource(request, call) {
      const { tenant } = requirePrincipal(call);
      rulesOf(options.kinds, request.kind);
      const row =
        request.version > 0
          ? await readVersion(options.db, tenant, request.kind, request.name, request.version)
          : await readResource(options.db, tenant, request.kind, request.name);
      if (!row) throw notFound(request.kind, request.name, request.version);
      return toResource(row);
    },
    async listResources(request, call) {
      const { tenant } = requirePrincipal(call);
      if (request.kind) rulesOf(options.kinds, request.kind);
      const limit = Math.min(request.pageSize || DEFAULT_PAGE, MAX_PAGE);
      const rows = await listResources(options.db, { tenant, kind: request.kind, after: request.pageToken, limit });
      const last = rows.at(-1);
      return {
        resources: rows.map(toResource),
        nextPageToken: rows.length === limit && last ? `${last.kind}/${last.name}` : "",
      };
    },
    async deleteResource(request, call) {
      rulesOf(options.kinds, request.kind);
      const row = await options.db.transaction((tx) => deleteIn(tx, options, requirePrincipal(call), request));
      if (row) await publish(row);
      return { deleted: row !== undefined };
    },
    async [Symbol.asyncDispose]() {
      for (const publisher of publishers.values()) await publisher[Symbol.asyncDispose]();
    },
  };
}

type Candidate = { readonly hash: string; readonly spec: Record<string, unknown>; readonly parsed: unknown };

function checked(request: ApplyResourceRequest, rules: KindRules): Candidate {
  const spec = request.spec ?? {};
  const canonical = canonicalJson({ labels: request.labels, spec });
  if (canonical.length > MAX_SPEC_BYTES) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${request.kind}/${request.name} is larger than ${MAX_SPEC_BYTES} bytes; split it`,
      {
        reason: "TOO_LARGE",
      },
    );
  }
  return { hash: sha256Hex(canonical), spec, parsed: validate(rules.schema, spec, `${request.kind}/${request.name}`) };
}

async function applyIn(
  tx: Transaction,
  options: ResourcesOptions,
  principal: Pick<Principal, "tenant" | "subject">,
  request: ApplyResourceRequest,
  candidate: Candidate,
  rules: KindRules,
): Promise<{ row: StoredResource; outcome: ApplyResourceReply_Outcome }> {
  const { tenant, subject } = principal;
  const { kind, name, labels } = request;
  const current = await lockResource(tx, tenant, kind, name);
  if (request.expectVersion > 0 && request.expectVersion !== current?.version) {
    throw new AppError(
      "CONFLICT",
      `${kind}/${name} is at version ${current?.version ?? 0}, not ${request.expectVersion}; read it again and retry`,
      { reason: "VERSION_CONFLICT" },
    );
  }
  await rules.check?.(tx, tenant, name, candidate.parsed);
  if (current && !current.deleted && current.hash === candidate.hash)
    return { row: current, outcome: ApplyResourceReply_Outcome.UNCHANGED };
  const row: StoredResource = {
    tenant,
    kind,
    name,
    version: (current?.version ?? 0) + 1,
    labels,
    spec: candidate.spec,
    hash: candidate.hash,
    deleted: false,
    applied_at: new Date(),
    applied_by: subject,
  };
  if (!request.dryRun) {
    await writeVersion(tx, row);
    await options.onChange?.(tx, row);
    await auditChange(tx, options.service, row, subject, "resource.applied");
  }
  return {
    row,
    outcome: current && !current.deleted ? ApplyResourceReply_Outcome.CHANGED : ApplyResourceReply_Outcome.CREATED,
  };
}

async function deleteIn(
  tx: Transaction,
  options: ResourcesOptions,
  principal: Principal,
  request: DeleteResourceRequest,
): Promise<StoredResource | undefined> {
  const current = await lockResource(tx, principal.tenant, request.kind, request.name);
  if (!current || current.deleted) return undefined;
  const row: StoredResource = {
    ...current,
    version: current.version + 1,
    deleted: true,
    applied_at: new Date(),
    applied_by: principal.subject,
  };
  await writeVersion(tx, row);
  await options.onChange?.(tx, row);
  await auditChange(tx, options.service, row, principal.subject, "resource.deleted");
  return row;
}

async function auditChange(tx: Transaction, service: string, row: StoredResource, subject: string, action: string) {
  await recordAudit(tx, {
    tenant: row.tenant,
    service,
    subject,
    action,
    resource: `${row.kind}/${row.name}@${row.version}`,
    outcome: "succeeded",
    requestHash: row.hash,
  });
}

function snapshotRow(row: StoredResource): SnapshotRow {
  const { tenant, name, version, labels, spec, deleted } = row;
  const value = deleted ? undefined : { tenant, name, version, labels, spec };
  return { key: resourceKey(tenant, name), version, value };
}

function rulesOf(kinds: ResourceKinds, kind: string): KindRules {
  const rules = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (rules) return rules;
  throw new AppError(
    "INVALID_ARGUMENT",
    `kind ${JSON.stringify(kind)} is not served here; this service owns ${Object.keys(kinds).join(", ")}`,
    { reason: "UNKNOWN_KIND", field: "kind" },
  );
}

function notFound(kind: string, name: string, version: number): AppError {
  return new AppError(
    "NOT_FOUND",
    `${kind}/${name}${version > 0 ? `@${version}` : ""} does not exist; list what does`,
    {
      reason: "RESOURCE_NOT_FOUND",
      field: "name",
    },
  );
}
