// Writes docs/architecture.txt; with --check it compares instead. Either way 1 when source and contracts disagree.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mismatches } from "./src/mismatches.ts";
import { render } from "./src/render.ts";
import { scanService, serviceNames } from "./src/scan-service.ts";
import { readFiles, rootDir } from "./src/workspace.ts";

const path = join(rootDir, "docs/architecture.txt");
const files = readFiles();
const services = serviceNames.map((name) => scanService(name, files));
const text = render(services);
const problems = mismatches(services);
if (!process.argv.includes("--check")) writeFileSync(path, text);
else if (files.find((file) => file.path === "docs/architecture.txt")?.text !== text) {
  problems.push("docs/architecture.txt is not current: run `node test/architecture/main.ts` and review what changed");
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
