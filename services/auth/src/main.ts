import { runService } from "@agentmesh/service";
import { loadAuthConfig } from "./config.ts";
import { startAuth } from "./service.ts";

await runService(startAuth, loadAuthConfig);
