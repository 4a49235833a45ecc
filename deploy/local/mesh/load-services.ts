// Run with --load-only: imports every service, starts none.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { checkoutDir } from "../checkout.ts";
import { meshServices } from "../services.ts";

for (const service of meshServices) {
  await import(pathToFileURL(join(checkoutDir, "services", service, "src", "main.ts")).href);
}
