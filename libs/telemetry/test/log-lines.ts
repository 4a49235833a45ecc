// Writes one log line for each case of log.test.ts, on standard output as a service would.
import { createLogger, inSpan, startTracing } from "../src/index.ts";

const secret = "hunter2";
const log = createLogger({ service: "cost", environment: "test", version: "1.2.3", level: "info" });
const names = [
  "Authorization",
  "refresh_token",
  "clientSecret",
  "set-cookie",

  "password",
  "token",
  "accessToken",
  "refreshToken",
  "apiKey",
  "secret",
  "authorization",
  "text",
  "input",
];
const secrets = {
  ...Object.fromEntries([...names, "output", "cookie", "x-api-key", "x-mesh-workload"].map((name) => [name, secret])),
  harmless: "seen",
};

log.debug({}, "not shown");
log.info({ count: 3, at: new Date(0) }, "plain");
log.info(secrets, "top");
log.info({ request: secrets, list: [secrets] }, "one level down");
log.info({ call: { request: { body: { user: secrets } }, headers: [[secrets]] } }, "deep down");
const circle: Record<string, unknown> = { secret };
circle.self = circle;
log.info(circle, "in a circle");
log.child({ token: secret, runId: "r1" }).warn({ user: { password: secret } }, "child");
const error = Object.assign(new Error("it broke", { cause: new Error("the cause") }), {
  detail: secret,
  token: secret,
});
log.error({ error }, "error");
await using _tracing = await startTracing({ service: "cost", environment: "test", version: "0" });
await inSpan("work", {}, async (span) => {
  log.info({ expected: span.spanContext() }, "in a span");
});
