import { isAppError } from "@agentmesh/errors";
import type { GetSamlMetadataRequest, SamlMetadata } from "@agentmesh/proto/auth";
import type { Context } from "../context.ts";
import { samlMetadata } from "../domain/saml-metadata.ts";
import { findProvider } from "../federation/find-provider.ts";
import { readProviderSecret } from "../federation/provider-secrets.ts";

export async function getSamlMetadata(
  context: Context,
  { tenant, provider }: GetSamlMetadataRequest,
): Promise<SamlMetadata> {
  const spec = await findProvider(context, tenant, provider, ["saml"]);
  const { secretsDir } = context.config.federation;
  const certificate = await readProviderSecret(secretsDir, tenant, provider, ".crt").catch((error: unknown) => {
    if (isAppError(error) && error.reason === "NO_PROVIDER_SECRET") return undefined;
    throw error;
  });
  return { xml: samlMetadata(spec, certificate) };
}
