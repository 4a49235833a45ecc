// A real OpenID provider on loopback, and a browser that signs in at it and goes where it is sent.
import { once } from "node:events";
import { createServer } from "node:http";
import { freePort } from "@agentmesh/harness";
import Provider from "oidc-provider";

export type OidcProvider = AsyncDisposable & { readonly issuer: string };

export const oidcClient = { id: "agentmesh", secret: "a secret of the client, long enough" };
/** As a native program registers it: any port of the machine is meant (RFC 8252). */
export const loopback = "http://127.0.0.1/callback";

export async function startOidcProvider(): Promise<OidcProvider> {
  const server = createServer();
  const port = await freePort();
  server.listen(port, "localhost");
  await once(server, "listening");
  const issuer = `http://localhost:${port}`;
  const { id: client_id, secret: client_secret } = oidcClient;
  const provider = new Provider(issuer, {
    clients: [{ client_id, client_secret, redirect_uris: [loopback], application_type: "native" }],
    claims: { profile: ["name", "preferred_username", "groups"] },
    findAccount: (_context, login) => ({
      accountId: login,
      claims: () => ({ sub: login, preferred_username: login, groups: ["mesh-operators"] }),
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

const maxSteps = 14;

/** Signs in and consents; answers what the last page, which is meshctl's own, says. */
export async function browse(address: string, login: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = new URL(address);
  let form: URLSearchParams | undefined;
  for (let step = 0; step < maxSteps; step++) {
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
    const page = await response.text();
    const location = response.headers.get("location");
    if (location) url = new URL(location, url);
    else if (url.pathname === "/callback") return page;
    else form = formOf(page, login);
  }
  throw new Error(`the provider did not send the browser back within ${maxSteps} steps; it is at ${url.href}`);
}

function formOf(page: string, login: string): URLSearchParams {
  const [, prompt] = /name="prompt" value="(\w+)"/.exec(page) ?? [];
  if (!prompt) throw new Error(`the provider shows no form: ${page.slice(0, 500)}`);
  return new URLSearchParams(prompt === "login" ? { prompt, login, password: "any" } : { prompt });
}
