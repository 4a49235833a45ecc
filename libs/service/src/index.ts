export { type AdminServer, openAdminServer } from "./admin-server.ts";
export { drain } from "./drain.ts";
export { type Foundation, openFoundation } from "./foundation.ts";
export { type Running, type RunOptions, runService } from "./run-service.ts";
export {
  balanceSettings,
  databaseSettings,
  type MeshConfig,
  meshSettings,
  peerAddress,
  redisSettings,
} from "./settings.ts";
