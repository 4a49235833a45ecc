// Writes proto/gen: message codecs (ts-proto through buf), then from the compiled descriptors one contract file a
// service and the catalog of all of them. Everything in gen/ is committed; `npm run check` regenerates and compares.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readCatalog } from "./read-catalog.ts";
import { renderCatalog } from "./render-catalog.ts";
import { renderContract } from "./render-contract.ts";

const protoDir = dirname(dirname(fileURLToPath(import.meta.url)));
// Written beside gen/ and moved into its place at the end: whoever reads meanwhile, or a failure, finds the old one.
const draftDir = join(protoDir, ".draft");
const genDir = join(draftDir, "gen");

function buf(...args: string[]): void {
  execFileSync("buf", args, { cwd: protoDir, stdio: "inherit" });
}

rmSync(draftDir, { recursive: true, force: true });
mkdirSync(genDir, { recursive: true });
buf("generate", "-o", draftDir);
// Options are read from the descriptors; as messages nobody needs them, nor the eight thousand lines behind them.
rmSync(join(genDir, "agentmesh/options"), { recursive: true });
rmSync(join(genDir, "google/protobuf/descriptor.ts"));
// Without comments and positions, which nothing reads at runtime: with them the gateway holds 6 MB more.
buf("build", "--as-file-descriptor-set", "--exclude-source-info", "-o", join(genDir, "descriptors.binpb"));

const catalog = readCatalog(readFileSync(join(genDir, "descriptors.binpb")));
for (const service of catalog.services) {
  writeFileSync(join(genDir, `${service.module}.contract.ts`), renderContract(service, catalog));
}
writeFileSync(join(genDir, "catalog.ts"), renderCatalog(catalog));

rmSync(join(protoDir, "gen"), { recursive: true, force: true });
renameSync(genDir, join(protoDir, "gen"));
rmSync(draftDir, { recursive: true });
console.log(
  `proto: ${catalog.services.length} services, ${catalog.methods.length} RPCs, ${catalog.events.length} events`,
);
