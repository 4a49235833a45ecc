import type { authContract } from "@agentmesh/proto/auth.contract";
import type { Resources } from "@agentmesh/resources";
import type { Handlers } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { checkAccess } from "./check-access.ts";
import { confirmSecurityKey } from "./confirm-security-key.ts";
import { confirmTotp } from "./confirm-totp.ts";
import { createApiKey } from "./create-api-key.ts";
import { createTenant } from "./create-tenant.ts";
import { createUser } from "./create-user.ts";
import { disableUser } from "./disable-user.ts";
import { enableUser } from "./enable-user.ts";
import { enrolSecurityKey } from "./enrol-security-key.ts";
import { enrolTotp } from "./enrol-totp.ts";
import { exchangeToken } from "./exchange-token.ts";
import { finishSecurityKey } from "./finish-security-key.ts";
import { finishSignIn } from "./finish-sign-in.ts";
import { getJwks } from "./get-jwks.ts";
import { getSamlMetadata } from "./get-saml-metadata.ts";
import { listApiKeys } from "./list-api-keys.ts";
import { listCertificates } from "./list-certificates.ts";
import { listSecurityKeys } from "./list-security-keys.ts";
import { listUsers } from "./list-users.ts";
import { tradeRefreshToken } from "./refresh-token.ts";
import { registerCertificate } from "./register-certificate.ts";
import { removeCertificate } from "./remove-certificate.ts";
import { removeSecurityKey } from "./remove-security-key.ts";
import { resetSecondFactor } from "./reset-second-factor.ts";
import { revokeApiKey } from "./revoke-api-key.ts";
import { rotateApiKey } from "./rotate-api-key.ts";
import { signIn } from "./sign-in.ts";
import { signOut } from "./sign-out.ts";
import { startSecurityKey } from "./start-security-key.ts";
import { startSignIn } from "./start-sign-in.ts";
import { startStepUp } from "./start-step-up.ts";
import { stepUp } from "./step-up.ts";
import { whoAmI } from "./who-am-i.ts";

export function handlers(context: Context, resources: Resources): Handlers<typeof authContract> {
  return {
    signIn: (request, call) => signIn(context, request, call),
    refreshToken: (request, call) => tradeRefreshToken(context, request, call),
    startSignIn: (request) => startSignIn(context, request),
    getSamlMetadata: (request) => getSamlMetadata(context, request),
    finishSignIn: (request, call) => finishSignIn(context, request, call),
    stepUp: (request, call) => stepUp(context, request, call),
    enrolTotp: (request, call) => enrolTotp(context, request, call),
    confirmTotp: (request, call) => confirmTotp(context, request, call),
    enrolSecurityKey: (request, call) => enrolSecurityKey(context, request, call),
    confirmSecurityKey: (request, call) => confirmSecurityKey(context, request, call),
    listSecurityKeys: (request, call) => listSecurityKeys(context, request, call),
    removeSecurityKey: (request, call) => removeSecurityKey(context, request, call),
    startSecurityKey: (request, call) => startSecurityKey(context, request, call),
    finishSecurityKey: (request, call) => finishSecurityKey(context, request, call),
    startStepUp: (request, call) => startStepUp(context, request, call),
    signOut: (request, call) => signOut(context, request, call),
    whoAmI: (request, call) => whoAmI(context, request, call),
    getJwks: () => getJwks(context),
    exchangeToken: (request, call) => exchangeToken(context, request, call),
    checkAccess: (request, call) => checkAccess(context, request, call),
    createUser: (request, call) => createUser(context, request, call),
    listUsers: (request, call) => listUsers(context, request, call),
    disableUser: (request, call) => disableUser(context, request, call),
    enableUser: (request, call) => enableUser(context, request, call),
    resetSecondFactor: (request, call) => resetSecondFactor(context, request, call),
    createTenant: (request, call) => createTenant(context, resources, request, call),
    createApiKey: (request, call) => createApiKey(context, request, call),
    listApiKeys: (request, call) => listApiKeys(context, request, call),
    revokeApiKey: (request, call) => revokeApiKey(context, request, call),
    rotateApiKey: (request, call) => rotateApiKey(context, request, call),
    registerCertificate: (request, call) => registerCertificate(context, request, call),
    listCertificates: (request, call) => listCertificates(context, request, call),
    removeCertificate: (request, call) => removeCertificate(context, request, call),
    applyResource: resources.applyResource,
    getResource: resources.getResource,
    listResources: resources.listResources,
    deleteResource: resources.deleteResource,
  };
}
