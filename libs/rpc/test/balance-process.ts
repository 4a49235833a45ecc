// One server in a process of its own: `balance-process.ts KEY_FILE TRUST_FILE TEXT` prints its port and answers TEXT.
import { createTokenVerifier, loadWorkloadIdentity } from "@agentmesh/identity";
import { createMetrics } from "@agentmesh/telemetry";
import { implement, serve } from "../src/index.ts";
import { echoHandlers, noteContract, quiet } from "./fixture.ts";

const [keyFile = "", trustFile = "", text = ""] = process.argv.slice(2);
const server = await serve({
  host: "127.0.0.1",
  port: 0,
  implementations: [
    implement(noteContract, {
      ...echoHandlers,
      read: () => new Promise((resolve) => setTimeout(resolve, 5, { text })),
    }),
  ],
  trust: {
    workload: await loadWorkloadIdentity(keyFile, trustFile),
    tokens: createTokenVerifier({ jwks: () => undefined, audiences: ["mesh"] }),
  },
  log: quiet,
  metrics: createMetrics({}),
});
process.stdout.write(`${server.port}\n`);
