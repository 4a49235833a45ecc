// Exits 0 when the service in this container is alive: `node deploy/healthcheck.mjs [port] [path]`. The image has no curl.
const [port = "7001", path = "/healthz"] = process.argv.slice(2);
const timeoutMs = 2_000;

try {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new Error(`answered ${response.status}: ${await response.text()}`);
} catch (error) {
  console.error(`http://127.0.0.1:${port}${path}: ${error.cause ?? error}`);
  process.exitCode = 1;
}
