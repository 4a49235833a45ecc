// The second job of docker-compose.yml, once PostgreSQL answers: the database, and a role and a schema per service.
import { provision } from "../local/provision/provision.ts";
import { openSecrets } from "../local/provision/secrets.ts";
import { postgresAdminUrl } from "./shares.ts";

const [stateDir = "/state"] = process.argv.slice(2);
const { postgresUrls } = await provision({
  root: stateDir,
  postgresAdminUrl: postgresAdminUrl(openSecrets(stateDir)),
});
console.log(`provisioned ${Object.keys(postgresUrls).join(", ")}`);
