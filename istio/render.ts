// Writes istio/rendered/ from the catalog and releases.yaml. `--check` compares instead and exits 1 on a difference.
import { join } from "node:path";
import { catalogMethods } from "@agentmesh/proto/catalog";
import { istioObjects } from "./src/objects.ts";
import { readReleases } from "./src/releases.ts";
import { differences, writeTree } from "./src/rendered-tree.ts";
import { toYaml } from "./src/to-yaml.ts";

const root = join(import.meta.dirname, "rendered");
const objects = istioObjects(catalogMethods, readReleases(join(import.meta.dirname, "releases.yaml")));
const files = new Map([...objects].map(([path, object]) => [path, toYaml(object)]));

if (process.argv.includes("--check")) {
  const found = differences(root, files);
  if (found.length > 0) {
    console.error(`istio/rendered is not what the catalog says. Run: node istio/render.ts\n  ${found.join("\n  ")}`);
    process.exitCode = 1;
  } else {
    console.log(`istio: ${files.size} objects are current`);
  }
} else {
  writeTree(root, files);
  console.log(`istio: wrote ${files.size} objects`);
}
