import { runService } from "@agentmesh/service";
import { loadOrchestratorConfig } from "./config.ts";
import { startOrchestrator } from "./service.ts";

await runService(startOrchestrator, loadOrchestratorConfig);
