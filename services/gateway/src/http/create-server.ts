import { readFileSync } from "node:fs";
import type { RequestListener, Server, ServerOptions } from "node:http";
import { AppError, describeError } from "@agentmesh/errors";
import type { GatewayConfig } from "../config.ts";

// Not imported: an import reads all exports of node:http, and one of them loads the whole of fetch, 12 MB of memory.
const http = process.getBuiltinModule("node:http");

/**
 * A server in clear, or with TLS of its own where `tls.certFile` names a certificate. With `tls.clientCaFile` callers may
 * show a certificate; one that does not verify is refused where credentials are judged, so that it is audited.
 *
 * @throws AppError FAILED_PRECONDITION (BAD_TLS_FILES)
 */
export function createEdgeServer(tls: GatewayConfig["tls"], options: ServerOptions, listener: RequestListener): Server {
  if (!tls || tls.certFile === "") return http.createServer(options, listener);
  const { certFile, keyFile, clientCaFile } = tls;
  try {
    const clients = clientCaFile !== "" && {
      ca: readFileSync(clientCaFile),
      requestCert: true,
      rejectUnauthorized: false,
    };
    const https = process.getBuiltinModule("node:https");
    const keys = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
    return https.createServer({ ...options, ...keys, ...clients, minVersion: "TLSv1.2" }, listener);
  } catch (cause) {
    throw new AppError(
      "FAILED_PRECONDITION",
      `TLS cannot be opened with TLS_CERT_FILE ${certFile}, TLS_KEY_FILE ${keyFile} and TLS_CLIENT_CA_FILE ${clientCaFile}: ${describeError(cause)}`,
      { reason: "BAD_TLS_FILES", cause },
    );
  }
}
