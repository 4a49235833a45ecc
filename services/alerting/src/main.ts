import { runService } from "@agentmesh/service";
import { loadAlertingConfig } from "./config.ts";
import { startAlerting } from "./service.ts";

await runService(startAlerting, loadAlertingConfig);
