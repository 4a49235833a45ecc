import { join } from "node:path";
import { fileURLToPath } from "node:url";

const dataRoot = join(fileURLToPath(new URL("../../../", import.meta.url)), ".agentmesh");

/** Data of the benchmarks' meshes; never that of `npm start`. */
export const benchRoot = join(dataRoot, "bench");

/** Where peers are installed. */
export const peersRoot = join(dataRoot, "bench-peers");
