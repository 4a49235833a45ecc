import { runService } from "@agentmesh/service";
import { loadCacheConfig } from "./config.ts";
import { startCache } from "./service.ts";

await runService(startCache, loadCacheConfig);
