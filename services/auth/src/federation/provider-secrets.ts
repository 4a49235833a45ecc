import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@agentmesh/errors";

/** Parts of the file's name: nothing in them leads out of the folder. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** What stands in a file beside the secret: the key that assertions are encrypted for, and its certificate (PEM). */
export type SecretPart = "" | ".key" | ".crt";

/**
 * The secret of an identity provider as the operator keeps it: the file `<tenant>.<name>` of a folder, read each time,
 * so that a mounted Kubernetes secret may change while the service runs.
 *
 * @param part default the secret itself
 * @throws AppError FAILED_PRECONDITION (NO_PROVIDER_SECRET)
 */
export async function readProviderSecret(
  folder: string,
  tenant: string,
  name: string,
  part: SecretPart = "",
): Promise<string> {
  const file = `${tenant}.${name}${part}`;
  try {
    if (folder !== "" && NAME.test(tenant) && NAME.test(name)) {
      const secret = (await readFile(join(folder, file), "utf8")).trim();
      if (secret !== "") return secret;
    }
  } catch (cause) {
    throw noSecret(file, cause);
  }
  throw noSecret(file);
}

function noSecret(file: string, cause?: unknown): AppError {
  return new AppError(
    "FAILED_PRECONDITION",
    `the identity provider has no secret for this; put it into the file ${file} of the folder IDENTITY_SECRETS_DIR`,
    { reason: "NO_PROVIDER_SECRET", cause },
  );
}
