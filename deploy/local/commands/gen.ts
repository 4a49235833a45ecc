import { hasScript, runScript } from "./run-script.ts";

/** In this order: the manifests are rendered from the catalog, the architecture file from all of it. */
const generators = ["proto/generate/main.ts", "deploy/render.ts", "istio/render.ts", "test/architecture/main.ts"];

/** Writes everything that is generated and committed. */
export async function gen(): Promise<number> {
  for (const script of generators) {
    if (!hasScript(script)) {
      console.log(`${script}: not in this checkout, skipped`);
      continue;
    }
    const code = await runScript(script);
    if (code !== 0) return code;
  }
  return 0;
}
