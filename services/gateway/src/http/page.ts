import { version } from "../version.ts";

/** What a person sees who opens the edge in a browser. */
export function indexPage(): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>agentmesh</title>
<h1>agentmesh ${version}</h1>
<p>This is the edge of the mesh. It speaks gRPC on its other port (health and reflection included) and HTTP/JSON here.</p>
<ul>
  <li><a href="/openapi.json">/openapi.json</a>: every call, as OpenAPI 3.1</li>
  <li><a href="/.well-known/jwks.json">/.well-known/jwks.json</a>: the keys that verify access tokens</li>
  <li><code>POST /v1/auth/sign-in</code> with <code>{"tenant", "username", "password"}</code> answers an access token</li>
  <li><code>npm run meshctl -- --help</code>: the command line</li>
</ul>
</html>
`;
}
