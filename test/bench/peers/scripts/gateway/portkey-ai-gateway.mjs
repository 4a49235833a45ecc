// Portkey's gateway as its package starts it, without its console, on the port that is given.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const server = join(dirname(require.resolve("@portkey-ai/gateway/package.json")), "build/start-server.js");
process.argv.splice(1, Number.POSITIVE_INFINITY, server, "--headless", `--port=${process.argv[2]}`);
await import(pathToFileURL(server).href);
