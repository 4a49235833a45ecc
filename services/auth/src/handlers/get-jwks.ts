import type { Jwks } from "@agentmesh/proto/auth";
import type { Context } from "../context.ts";

export async function getJwks({ keys }: Context): Promise<Jwks> {
  return { keys: keys.publicKeys.map((jwk) => ({ ...jwk })) };
}
