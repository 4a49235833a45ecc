const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]"]);

/** Whether a browser may be sent back there: to the letter, but for the port of a program on the user's own machine. */
export function isRedirectAllowed(allowed: readonly string[], uri: string): boolean {
  if (allowed.includes(uri)) return true;
  const asked = loopbackOf(uri);
  return asked !== undefined && allowed.some((entry) => loopbackOf(entry) === asked);
}

/** Whether the address the browser came back with is the one it was sent to, but for what the provider added. */
export function isCallbackOf(redirectUri: string, callback: URL): boolean {
  const sentTo = new URL(redirectUri);
  return callback.origin === sentTo.origin && callback.pathname === sentTo.pathname && callback.username === "";
}

/** The address without its port, of plain loopback addresses only. */
function loopbackOf(uri: string): string | undefined {
  if (!URL.canParse(uri)) return undefined;
  const url = new URL(uri);
  if (url.protocol !== "http:" || !LOOPBACK.has(url.hostname) || url.username || url.password || url.hash)
    return undefined;
  return `${url.hostname}${url.pathname}${url.search}`;
}
