import type { authContract } from "@agentmesh/proto/auth.contract";
import type { Resources } from "@agentmesh/resources";
import type { Handlers } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { checkAccess } from "./check-access.ts";
import { createApiKey } from "./create-api-key.ts";
import { createUser } from "./create-user.ts";
import { disableUser } from "./disable-user.ts";
import { exchangeToken } from "./exchange-token.ts";
import { getJwks } from "./get-jwks.ts";
import { listApiKeys } from "./list-api-keys.ts";
import { listUsers } from "./list-users.ts";
import { tradeRefreshToken } from "./refresh-token.ts";
import { revokeApiKey } from "./revoke-api-key.ts";
import { signIn } from "./sign-in.ts";
import { signOut } from "./sign-out.ts";
import { whoAmI } from "./who-am-i.ts";

export function handlers(context: Context, resources: Resources): Handlers<typeof authContract> {
  return {
    signIn: (request, call) => signIn(context, request, call),
    refreshToken: (request, call) => tradeRefreshToken(context, request, call),
    signOut: (request, call) => signOut(context, request, call),
    whoAmI: (request, call) => whoAmI(context, request, call),
    getJwks: () => getJwks(context),
    exchangeToken: (request, call) => exchangeToken(context, request, call),
    checkAccess: (request, call) => checkAccess(context, request, call),
    createUser: (request, call) => createUser(context, request, call),
    listUsers: (request, call) => listUsers(context, request, call),
    disableUser: (request, call) => disableUser(context, request, call),
    createApiKey: (request, call) => createApiKey(context, request, call),
    listApiKeys: (request, call) => listApiKeys(context, request, call),
    revokeApiKey: (request, call) => revokeApiKey(context, request, call),
    applyResource: resources.applyResource,
    getResource: resources.getResource,
    listResources: resources.listResources,
    deleteResource: resources.deleteResource,
  };
}
