import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serviceNames } from "@agentmesh/istio/who-calls-whom";

export const environments = ["dev", "staging", "prod"] as const;

/** Copies of the service charts with the library inside, as `helm dependency build` would leave them. */
export type PackedCharts = Disposable & { pathOf(service: string): string };

/** Packs the charts under a temporary folder, so that rendering leaves nothing in the tree. */
export function packCharts(deployDir: string): PackedCharts {
  const root = mkdtempSync(join(tmpdir(), "agentmesh-charts-"));
  for (const service of serviceNames) {
    cpSync(join(deployDir, "services", service), join(root, service), { recursive: true });
    cpSync(join(deployDir, "charts/mesh-service"), join(root, service, "charts/mesh-service"), { recursive: true });
  }
  return {
    pathOf: (service) => join(root, service),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Renders one service's chart; throws with helm's words when the chart refuses its values. */
export function helmTemplate(helm: string, chart: string, service: string, args: readonly string[]): string {
  return execFileSync(helm, ["template", service, chart, "--namespace", "agentmesh", ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** deploy/rendered as helm makes it: path under it → text. */
export function renderCharts(helm: string, deployDir: string): Map<string, string> {
  using charts = packCharts(deployDir);
  const files = new Map<string, string>();
  for (const environment of environments) {
    const values = join(deployDir, "env", `${environment}.yaml`);
    for (const service of serviceNames) {
      const text = helmTemplate(helm, charts.pathOf(service), service, ["--values", values]);
      files.set(`${environment}/${service}.yaml`, text);
    }
  }
  return files;
}
