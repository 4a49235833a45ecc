import { AppError } from "@agentmesh/errors";
import { type ChannelCredentials, credentials, Client as GrpcClient } from "@grpc/grpc-js";
import { balanceChannel, type ChannelBalance } from "./balance/channel-balance.ts";
import type { Balance } from "./balance/settings.ts";

export type ChannelOptions = {
  /** `host:port`, or several separated by commas: calls go round over those that answer. */
  readonly address: string;
  /** Default 4 MiB in each direction. */
  readonly maxMessageBytes?: number;
  /** gRPC paths that may be tried again when the server was not reached. */
  readonly retryable?: readonly string[];
  /** TLS, with these PEM texts: who signed the peer's certificate (default: who Node trusts), and ours. Default: none. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** How calls are spread over the instances. Default: several go round; one is left to gRPC itself. */
  readonly balance?: Balance;
};

/** A connection to one service, shared by all clients of it. */
export type Channel = Disposable & {
  readonly grpc: GrpcClient;
  readonly maxMessageBytes: number;
  readonly balance?: ChannelBalance;
};

export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

// After a restart a peer is back within a second; grpc-js's own 1 s..120 s would leave it unused for minutes.
const RECONNECT = {
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.min_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
};
const KEEP_ALIVE = {
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.keepalive_permit_without_calls": 1,
};

/**
 * Opens lazily: the first call connects. Plain text unless `tls` is given, for Istio adds mTLS between pods.
 *
 * @throws AppError INVALID_ARGUMENT (BAD_TLS) for what is no certificate or key
 */
export function openChannel(options: ChannelOptions): Channel {
  const { address, maxMessageBytes = MAX_MESSAGE_BYTES, retryable = [] } = options;
  const target = targetOf(address);
  const balance = balanceOf(options, target);
  const grpc = new GrpcClient(balance?.target ?? target, credentialsOf(options.tls), {
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.service_config": JSON.stringify(serviceConfig(retryable, balance?.policyName)),
    "grpc.enable_channelz": 0,
    ...RECONNECT,
    ...KEEP_ALIVE,
    ...balance?.options,
  });
  return { grpc, maxMessageBytes, ...(balance && { balance }), [Symbol.dispose]: () => grpc.close() };
}

/** gRPC itself would name only the bound. @throws AppError RESOURCE_EXHAUSTED (MESSAGE_TOO_LARGE) */
export function assertFits(what: string, message: Uint8Array, maxBytes: number): void {
  if (message.length <= maxBytes) return;
  throw new AppError(
    "RESOURCE_EXHAUSTED",
    `${what} has ${message.length} bytes, more than the ${maxBytes} of a message; send less at once`,
    { reason: "MESSAGE_TOO_LARGE" },
  );
}

function credentialsOf(tls: ChannelOptions["tls"]): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  const bytes = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
  try {
    return credentials.createSsl(bytes(tls.ca), bytes(tls.key), bytes(tls.cert));
  } catch (cause) {
    throw new AppError("INVALID_ARGUMENT", "the TLS certificates or key are not PEM that belongs together", {
      reason: "BAD_TLS",
      cause,
    });
  }
}

function targetOf(address: string): string {
  const hosts = address.split(",").map((host) => host.trim());
  const [first] = hosts;
  if (!first || hosts.some((host) => !/^(\S+:\/\/\/)?[^\s,]+:\d+$/.test(host))) {
    throw new AppError("INVALID_ARGUMENT", `the address ${JSON.stringify(address)} is not host:port[,host:port…]`);
  }
  return first.includes("///") ? first : `dns:///${first}`;
}

function balanceOf({ address, balance }: ChannelOptions, target: string): ChannelBalance | undefined {
  if (balance) return balanceChannel(address, target, balance);
  return address.includes(",") ? balanceChannel(address, target, { policy: "round_robin" }) : undefined;
}

function serviceConfig(retryable: readonly string[], policyName = "round_robin") {
  const name = retryable.map((path) => {
    const [, service, method] = path.split("/");
    return { service, method };
  });
  return {
    loadBalancingConfig: [{ [policyName]: {} }],
    methodConfig:
      name.length === 0
        ? []
        : [
            {
              name,
              retryPolicy: {
                maxAttempts: 4,
                initialBackoff: "0.1s",
                maxBackoff: "1s",
                backoffMultiplier: 2,
                retryableStatusCodes: ["UNAVAILABLE"],
              },
            },
          ],
  };
}
