import { runService } from "@agentmesh/service";
import { loadGatewayConfig } from "./config.ts";
import { startGateway } from "./service.ts";

await runService(startGateway, loadGatewayConfig);
