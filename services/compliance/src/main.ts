import { runService } from "@agentmesh/service";
import { loadComplianceConfig } from "./config.ts";
import { startCompliance } from "./service.ts";

await runService(startCompliance, loadComplianceConfig);
