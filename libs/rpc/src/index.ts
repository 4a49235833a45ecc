export {
  type Balance,
  type BalancePolicy,
  type BalanceSettings,
  balancePolicies,
  type OutlierSettings,
} from "./balance/settings.ts";
export { type Channel, type ChannelOptions, openChannel } from "./channel.ts";
export {
  type CallOptions,
  type Client,
  type ClientOptions,
  createClient,
  createRawClient,
  type RawClient,
} from "./client.ts";
export type { Contract, DeepPartial, MessageCodec, MethodContract } from "./contract.ts";
export type { Call, Handlers, Implementation, ServerStreamHandler, UnaryHandler } from "./handlers.ts";
export { implement, requirePrincipal } from "./handlers.ts";
export { type HealthStatus, healthContract } from "./health.ts";
export { narrowCall, requireRule } from "./narrow-call.ts";
export { GRPC_DRAIN_MS, type ServeOptions, type Server, serve } from "./server.ts";
export { detailsOf, errorFromStatus, metadataOfError, statusOf } from "./status.ts";
