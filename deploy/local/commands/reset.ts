import { join } from "node:path";
import { dataRoot } from "../checkout.ts";
import { removeMeshData } from "../mesh/remove-data.ts";
import { removePostgresHome } from "../servers/postgres-home.ts";
import { stop } from "./stop.ts";

/** Costly to make and holds no state. */
const kept = ["compile-cache"];

/** Stops the mesh and removes its data, secrets and logs: the next start begins anew. */
export async function reset(): Promise<number> {
  await stop();
  removePostgresHome(join(dataRoot, "test", "postgres"));
  await removeMeshData(dataRoot, kept);
  console.log("removed the mesh's data, secrets and logs");
  return 0;
}
