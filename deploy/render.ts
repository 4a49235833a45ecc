// Writes calls.yaml of each service's chart and nats/kubernetes.yaml from the catalog, and deploy/rendered/ with helm where
// there is one.
// `--check` compares instead and exits 1 on a difference.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { differences, writeTree } from "@agentmesh/istio/rendered-tree";
import { serviceNames } from "@agentmesh/istio/who-calls-whom";
import { meshManifest } from "@agentmesh/nats/kubernetes";
import { callsFile } from "./src/calls-file.ts";
import { renderCharts } from "./src/charts.ts";
import { toolPath } from "./src/config.ts";
import { findTool } from "./src/find-tool.ts";

const deployDir = import.meta.dirname;
const rendered = join(deployDir, "rendered");
const checking = process.argv.includes("--check");
const helm = findTool("helm", toolPath);

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const generated = [
  ...serviceNames.map((service) => [`services/${service}/calls.yaml`, callsFile(service)] as const),
  ["nats/kubernetes.yaml", meshManifest()] as const,
];
const stale = generated.filter(([name, wanted]) => {
  const path = join(deployDir, name);
  if (readOrNothing(path) === wanted) return false;
  if (!checking) writeFileSync(path, wanted);
  return true;
});
const found = checking ? stale.map(([name]) => `${name}: differs`) : [];

if (helm === undefined) {
  console.log(`helm not found: deploy/rendered not ${checking ? "compared" : "written"}`);
} else {
  const files = renderCharts(helm, deployDir);
  if (checking) found.push(...differences(rendered, files).map((line) => `rendered/${line}`));
  else writeTree(rendered, files);
  console.log(`deploy: ${checking ? "compared" : "wrote"} ${files.size} rendered files`);
}

if (found.length > 0) {
  console.error(
    `deploy/ is not what the charts and the catalog say. Run: node deploy/render.ts\n  ${found.join("\n  ")}`,
  );
  process.exitCode = 1;
}
