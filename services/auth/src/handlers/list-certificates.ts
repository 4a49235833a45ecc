import type { ListCertificatesReply, ListCertificatesRequest } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toClientCertificate } from "../certificate-view.ts";
import type { Context } from "../context.ts";
import { listCertificates as readCertificates } from "../store/client-certificates.ts";
import { MAX_CERTIFICATES } from "./register-certificate.ts";

export async function listCertificates(
  context: Context,
  _request: ListCertificatesRequest,
  call: Call,
): Promise<ListCertificatesReply> {
  const { tenant } = requirePrincipal(call);
  return { certificates: (await readCertificates(context.db, tenant, MAX_CERTIFICATES)).map(toClientCertificate) };
}
