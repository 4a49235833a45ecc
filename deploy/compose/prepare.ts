// The first job of docker-compose.yml: makes the secrets of the mesh once, in a volume only the jobs mount, and gives
// each container its share. With `--show-admin` it prints the first administrator's sign-in instead.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { firstAdministrator, firstTenant } from "../local/mesh/start-services.ts";
import { openPublishers } from "../local/provision/publishers.ts";
import { openSecrets } from "../local/provision/secrets.ts";
import { sharesOf } from "./shares.ts";

const [stateDir = "/state", sharesDir = "/shares"] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const secrets = openSecrets(stateDir);

if (process.argv.includes("--show-admin")) {
  console.log(`tenant ${firstTenant}, user ${firstAdministrator}, password ${secrets.adminPassword}`);
} else {
  const shares = Object.entries(sharesOf(secrets));
  for (const [container, files] of shares) {
    const folder = join(sharesDir, container);
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      // Removed first: its owner may not write into a read-only file of an earlier run.
      rmSync(join(folder, name), { force: true });
      // The servers' images have users of their own; who may read it is decided by who mounts the volume.
      writeFileSync(join(folder, name), text, { mode: 0o444 });
    }
  }
  // The one file of the shares that is not made anew: `docker compose run --rm publisher` changes it.
  openPublishers(join(sharesDir, "nats", "publishers.yaml"), secrets);
  console.log(`prepared ${shares.map(([container]) => container).join(", ")}`);
}
