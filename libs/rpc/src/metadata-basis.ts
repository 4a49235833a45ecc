import type { WorkloadIdentity } from "@agentmesh/identity";
import { Metadata } from "@grpc/grpc-js";

/** Metadata that is the same in every call for one user: both tokens. Clone it, it is shared. */
export type MetadataBasis = { of(token: string | undefined): Promise<Metadata> };

type Made = { readonly workloadToken: string; readonly metadata: Metadata };

/** Then all are forgotten, which costs less to keep count of than who was used last. */
const MAX_REMEMBERED = 1_000;

/** Remembers what it made: grpc-js looks at every character of a value that is set, and tokens are long. */
export function createMetadataBasis(workload: WorkloadIdentity | undefined): MetadataBasis {
  const remembered = new Map<string, Made>();
  return {
    async of(token = "") {
      const workloadToken = workload ? await workload.token() : "";
      const known = remembered.get(token);
      if (known?.workloadToken === workloadToken) return known.metadata;
      const metadata = new Metadata();
      if (token) metadata.set("authorization", `Bearer ${token}`);
      if (workloadToken) metadata.set("x-mesh-workload", workloadToken);
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(token, { workloadToken, metadata });
      return metadata;
    },
  };
}
