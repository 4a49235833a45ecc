// A runner that a test kills: brings up a mesh of fake services under the given root and waits.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startMesh } from "@agentmesh/local";

const fake = join(dirname(fileURLToPath(import.meta.url)), "fake-service.ts");
const keepAlive = setInterval(() => undefined, 60_000);
try {
  await startMesh({
    root: process.argv[2] ?? "",
    quiet: true,
    command: (service) => [process.execPath, fake, service],
  });
} catch (error) {
  clearInterval(keepAlive);
  throw error;
}
