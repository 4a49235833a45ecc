import { runService } from "@agentmesh/service";
import { loadCostConfig } from "./config.ts";
import { startCost } from "./service.ts";

await runService(startCost, loadCostConfig);
