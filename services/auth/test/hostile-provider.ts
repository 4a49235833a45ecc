// A provider that says whatever a test wants it to: what an attacker who controls one, or the way to it, could send.
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { freePort } from "@agentmesh/harness";
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

export type Lies = {
  /** Claims that replace those of an honest ID token; undefined leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: { alg?: string; kid?: string };
  readonly signWith?: CryptoKey | Uint8Array;
  /** What comes in place of the ID token. */
  readonly idToken?: (honest: string) => string | undefined;
  readonly discovery?: Readonly<Record<string, unknown>>;
  readonly userinfo?: Readonly<Record<string, unknown>>;
  /** Answers a path itself. */
  readonly answer?: Readonly<Record<string, (response: ServerResponse) => void>>;
};

export type HostileProvider = AsyncDisposable & {
  readonly issuer: string;
  lie(lies: Lies): void;
  /** What it was asked for, by path. */
  readonly asked: Map<string, number>;
  /** The body of the last token request. */
  readonly tokenRequest: () => URLSearchParams;
};

export async function hostileProvider(clientId: string, nonce: () => string): Promise<HostileProvider> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "k", alg: "RS256", use: "sig" };
  const server = createServer();
  const port = await freePort();
  server.listen(port, "localhost");
  await once(server, "listening");
  const issuer = `http://localhost:${port}`;
  const asked = new Map<string, number>();
  let lies: Lies = {};
  let tokenRequest = new URLSearchParams();

  async function idToken(): Promise<string | undefined> {
    const nowS = Math.floor(Date.now() / 1000);
    const claims: JWTPayload = {
      iss: issuer,
      aud: clientId,
      sub: "mallory",
      iat: nowS,
      exp: nowS + 60,
      nonce: nonce(),
    };
    const said = Object.entries({ preferred_username: "mallory", ...claims, ...lies.claims });
    const honest = await new SignJWT(Object.fromEntries(said.filter(([, value]) => value !== undefined)))
      .setProtectedHeader({ alg: "RS256", kid: "k", ...lies.header })
      .sign(lies.signWith ?? privateKey);
    return lies.idToken ? lies.idToken(honest) : honest;
  }

  async function reply(path: string): Promise<object> {
    switch (path) {
      case "/.well-known/openid-configuration":
        return {
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          userinfo_endpoint: `${issuer}/me`,
          ...lies.discovery,
        };
      case "/jwks":
        return { keys: [jwk] };
      case "/token":
        return { access_token: "a", token_type: "Bearer", expires_in: 60, id_token: await idToken() };
      case "/me":
        return { sub: "mallory", name: "Mallory", ...lies.userinfo };
      default:
        return {};
    }
  }

  server.on("request", async (request, response) => {
    const path = new URL(request.url ?? "/", issuer).pathname;
    asked.set(path, (asked.get(path) ?? 0) + 1);
    const body = await Array.fromAsync(request, (chunk: Buffer) => chunk.toString());
    if (path === "/token") tokenRequest = new URLSearchParams(body.join(""));
    const own = lies.answer?.[path];
    if (own) return own(response);
    response.setHeader("content-type", "application/json").end(JSON.stringify(await reply(path)));
  });

  return {
    issuer,
    asked,
    tokenRequest: () => tokenRequest,
    lie(next) {
      lies = next;
      asked.clear();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
