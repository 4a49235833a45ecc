// Runs the validators of others over what this repository deploys: `node deploy/validate.ts`. Each one that is not on
// PATH is skipped aloud; any that complains fails the run.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { serviceNames } from "@agentmesh/istio/who-calls-whom";
import { environments, packCharts } from "./src/charts.ts";
import { toolPath } from "./src/config.ts";
import { findTool } from "./src/find-tool.ts";

const deployDir = import.meta.dirname;
const rootDir = dirname(deployDir);
const rendered = join(deployDir, "rendered");
const istioRendered = join(rootDir, "istio/rendered");

type Validator = { readonly tool: string; readonly what: string; readonly runs: readonly (readonly string[])[] };

using charts = packCharts(deployDir);

const validators: readonly Validator[] = [
  {
    tool: "helm",
    what: "charts with the values of every environment",
    runs: environments.map((environment) => [
      "lint",
      "--quiet",
      "--strict",
      "--namespace=agentmesh",
      `--values=${join(deployDir, "env", `${environment}.yaml`)}`,
      ...serviceNames.map((service) => charts.pathOf(service)),
    ]),
  },
  {
    tool: "istioctl",
    what: "Istio objects together with the Services they name",
    runs: [
      ["validate", "--filename", istioRendered],
      [
        "analyze",
        "--use-kube=false",
        "--recursive",
        "--failure-threshold=Warning",
        istioRendered,
        join(rendered, "prod"),
      ],
    ],
  },
  {
    tool: "kubeconform",
    what: "Kubernetes objects against their schemas",
    runs: [["-strict", "-summary", rendered]],
  },
  {
    tool: "docker",
    what: "docker-compose.yml",
    runs: [["compose", "--project-directory", rootDir, "config", "--quiet"]],
  },
  { tool: "hadolint", what: "deploy/Dockerfile", runs: [[join(deployDir, "Dockerfile")]] },
];

/** Why a tool that is there cannot do its work here; undefined when it can. */
function obstacle({ tool }: Validator, path: string): string | undefined {
  // A Docker client without the plugin takes `compose` for an unknown command.
  if (tool === "docker" && spawnSync(path, ["compose", "version"]).status !== 0) return "it has no compose plugin";
  const smallest = "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: probe }\n";
  if (tool === "kubeconform" && spawnSync(path, ["-strict"], { input: smallest }).status !== 0) {
    return "its schemas cannot be downloaded";
  }
  return undefined;
}

for (const validator of validators) {
  const { tool, what, runs } = validator;
  const path = findTool(tool, toolPath);
  const reason = path === undefined ? "not found" : obstacle(validator, path);
  if (path === undefined || reason !== undefined) {
    console.log(`${tool}: ${reason}; skipped ${what}`);
    continue;
  }
  const failed = runs.filter((args) => spawnSync(path, args, { stdio: "inherit" }).status !== 0);
  console.log(`${tool}: ${failed.length === 0 ? "accepts" : "REFUSES"} ${what}`);
  if (failed.length > 0) process.exitCode = 1;
}
