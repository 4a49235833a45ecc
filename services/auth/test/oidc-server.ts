// A real OpenID provider on loopback, and a browser that signs in at it.
import { once } from "node:events";
import { createServer } from "node:http";
import { freePort } from "@agentmesh/harness";
import Provider, { type AccountClaims } from "oidc-provider";

export type OidcServer = AsyncDisposable & { readonly issuer: string };

export const oidcClient = { id: "agentmesh", secret: "a secret of the client, long enough" };
export const callbackUri = "http://127.0.0.1:4180/callback";

/** @param people claims by what they type as login */
export async function oidcServer(people: ReadonlyMap<string, AccountClaims>): Promise<OidcServer> {
  const server = createServer();
  const port = await freePort();
  server.listen(port, "localhost");
  await once(server, "listening");
  const issuer = `http://localhost:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: oidcClient.id,
        client_secret: oidcClient.secret,
        redirect_uris: [callbackUri],
        application_type: "native",
      },
    ],
    claims: { profile: ["name", "preferred_username", "groups", "department"], email: ["email", "email_verified"] },
    findAccount: (_context, login) => ({
      accountId: login,
      claims: () => people.get(login) ?? { sub: login },
    }),
    cookies: { keys: ["a key for the cookies of a test"] },
    pkce: { required: () => true },
  });
  const handle = provider.callback();
  server.on("request", (request, response) => void handle(request, response));
  return {
    issuer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const MAX_STEPS = 12;

/** Goes where the provider sends it, signs in and consents; answers the address it is sent back to. */
export async function browse(authorizationUrl: string, login: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = new URL(authorizationUrl);
  let form: URLSearchParams | undefined;
  for (let step = 0; step < MAX_STEPS; step++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie },
      ...(form && { method: "POST", body: form }),
    });
    form = undefined;
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (location?.startsWith(callbackUri)) return location;
    if (location) url = new URL(location, url);
    else form = formOf(await response.text(), login);
  }
  throw new Error(`the provider did not send the browser back within ${MAX_STEPS} steps; it is at ${url.href}`);
}

function formOf(page: string, login: string): URLSearchParams {
  const [, prompt] = /name="prompt" value="(\w+)"/.exec(page) ?? [];
  if (!prompt) throw new Error(`the provider shows no form: ${page.slice(0, 500)}`);
  return new URLSearchParams(prompt === "login" ? { prompt, login, password: "any" } : { prompt });
}
