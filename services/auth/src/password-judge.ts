import { AppError, describeError, isAppError } from "@agentmesh/errors";
import type { SignInRequest } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "./context.ts";
import { usernameOf } from "./domain/external-identity.ts";
import { admit } from "./federation/admit.ts";
import { findProvider } from "./federation/find-provider.ts";
import { readProviderSecret } from "./federation/provider-secrets.ts";
import { type Account, readAccountByUsername } from "./store/accounts.ts";
import { badCredentials } from "./wrong-credentials.ts";

type Attempt = { readonly tenant: string; readonly username: string; readonly at: Date };

export type PasswordVerdict = {
  readonly account: Account | undefined;
  readonly right: boolean;
  /** What kept it from being judged, which is nobody's wrong password. */
  readonly failure?: unknown;
};

export type Judge = (attempt: Attempt, password: string) => Promise<PasswordVerdict>;

/** Whoever knows whether a password is right: the mesh's own accounts, or a directory. */
export type PasswordJudge = {
  /** Holds one of few places throughout, and gives with it the way to judge. */
  judgeIn<T>(work: (judge: Judge) => Promise<T>): Promise<T>;
  /** What a wrong password is called where no account is known. */
  readonly wrong: "unknown_user" | "wrong_password";
};

/** @throws AppError UNAUTHENTICATED (BAD_CREDENTIALS) for a directory that the tenant does not have */
export async function passwordJudge(context: Context, request: SignInRequest, call: Call): Promise<PasswordJudge> {
  return request.provider === "" ? ownAccounts(context) : directory(context, request, call);
}

function ownAccounts({ db, passwords }: Context): PasswordJudge {
  return {
    judgeIn: (work) =>
      passwords.compareIn((matches) =>
        work(async ({ tenant, username }, password) => {
          const account = await readAccountByUsername(db, tenant, username);
          return { account, right: await matches(password, account?.password_hash ?? undefined) };
        }),
      ),
    wrong: "unknown_user",
  };
}

async function directory(context: Context, { tenant, provider }: SignInRequest, call: Call): Promise<PasswordJudge> {
  const spec = await findProvider(context, tenant, provider, ["ldap"]).catch((cause: unknown) => {
    // Which tenants and directories there are is nobody's business.
    throw isAppError(cause) && cause.code === "NOT_FOUND" ? badCredentials() : cause;
  });
  async function judge({ username, at }: Attempt, password: string): Promise<PasswordVerdict> {
    const secret = await readProviderSecret(context.config.federation.secretsDir, tenant, provider);
    const identity = await context.ldap.authenticate(spec, secret, usernameOf(username), password);
    if (!identity) return { account: undefined, right: false };
    return {
      account: await admit(context, { tenant, provider, identity, at, requestId: call.requestId }),
      right: true,
    };
  }
  async function judgeOrSay(attempt: Attempt, password: string): Promise<PasswordVerdict> {
    try {
      return await judge(attempt, password);
    } catch (error) {
      context.log.warn({ tenant, provider, reason: describeError(error) }, "a sign-in at a directory failed");
      return { account: undefined, right: false, failure: failureOf(provider, error) };
    }
  }
  return {
    judgeIn: (work) => context.directorySignIns.run(() => work(judgeOrSay)),
    wrong: "wrong_password",
  };
}

function failureOf(provider: string, error: unknown): unknown {
  if (isAppError(error)) return error.reason === "PROVIDER_CLAIMS" ? badCredentials() : error;
  return new AppError("UNAVAILABLE", `the directory ${provider} cannot be asked now; try again, or ask an admin`, {
    reason: "PROVIDER_UNUSABLE",
    cause: error,
  });
}
