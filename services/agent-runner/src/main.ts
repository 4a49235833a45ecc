import { runService } from "@agentmesh/service";
import { loadAgentRunnerConfig } from "./config.ts";
import { startAgentRunner } from "./service.ts";

await runService(startAgentRunner, loadAgentRunnerConfig);
