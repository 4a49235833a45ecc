import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of this checkout. */
export const checkoutDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Data, logs and secrets of whatever runs out of this checkout; never committed. */
export const dataRoot = join(checkoutDir, ".agentmesh");
