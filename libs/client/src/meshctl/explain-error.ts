import { type AppError, isAppError, toAppError } from "@agentmesh/errors";
import type { Settings } from "./config.ts";
import type { Output } from "./output.ts";
import { printable } from "./printable.ts";
import { duration } from "./time.ts";
import { UsageError } from "./usage-error.ts";

export const exitCodes = { ok: 0, failure: 1, usage: 2, denied: 3 } as const;

/** Says on standard error what went wrong and what to do, and answers the exit code. */
export function reportFailure(error: unknown, command: string, settings: Settings, out: Output): number {
  const { program } = settings;
  if (error instanceof UsageError) {
    if (out.json) complain({ code: "USAGE", message: error.message });
    else process.stderr.write(`meshctl: ${error.message}\n  see: ${program} help${command ? ` ${command}` : ""}\n`);
    return exitCodes.usage;
  }
  const failure = toAppError(error);
  if (out.json) complain(failure.toWire());
  else {
    const hint = hintFor(failure, program);
    process.stderr.write(`meshctl: ${messageOf(failure)}\n${hint ? `  ${hint}\n` : ""}`);
    // A failure that is no refusal is a defect of this program: its maker wants the stack.
    if (!isAppError(error) && settings.env.AGENTMESH_DEBUG) console.error(error);
  }
  return isDenied(failure) ? exitCodes.denied : exitCodes.failure;
}

function complain(error: object): void {
  process.stderr.write(`${JSON.stringify({ error })}\n`);
}

function isDenied({ code }: AppError): boolean {
  return code === "UNAUTHENTICATED" || code === "PERMISSION_DENIED";
}

function hintFor(failure: AppError, program: string): string {
  if (failure.reason === "NOT_SIGNED_IN") return `sign in with: ${program} login`;
  switch (failure.code) {
    case "UNAUTHENTICATED":
      return failure.reason === "BAD_CREDENTIALS" || failure.reason === "BAD_CODE"
        ? ""
        : `sign in again with: ${program} login`;
    case "PERMISSION_DENIED":
      if (failure.reason === "STEP_UP_REQUIRED") return `give a second factor with: ${program} mfa step-up`;
      return `see what you may do with: ${program} whoami`;
    case "UNAVAILABLE":
      if (CERTIFICATE.test(failure.message)) return "say who signed the gateway's certificate: --ca FILE, with login";
      return isUnreachable(failure)
        ? `is the mesh running? \`npm start\` brings one up; or sign in elsewhere: ${program} login --address HOST:PORT`
        : "";
    case "RESOURCE_EXHAUSTED":
      return failure.retryAfterMs === undefined ? "" : `try again in ${duration(failure.retryAfterMs)}`;
    case "INTERNAL":
      return `${program} mesh shows which services answer`;
    default:
      return "";
  }
}

// What OpenSSL says of a certificate that it does not trust.
const CERTIFICATE = /self.signed certificate|unable to (verify|get local issuer)|does not match certificate|CERT_/i;

// What grpc-js says when nothing listens, the host has no address, or the way there is cut.
const UNREACHABLE = /(connect|getaddrinfo|read) (E[A-Z_]+)( \S*\w)?|Name resolution failed for target (\S+)/;

/** The gateway itself did not answer, as opposed to a service behind it, which gives a reason. */
function isUnreachable(failure: AppError): boolean {
  return failure.code === "UNAVAILABLE" && failure.reason === undefined && UNREACHABLE.test(failure.message);
}

function messageOf(failure: AppError): string {
  const [what] = isUnreachable(failure) ? (UNREACHABLE.exec(failure.message) ?? []) : [];
  return printable(what === undefined ? failure.message : `the mesh cannot be reached: ${what}`);
}
