import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { AppError } from "@agentmesh/errors";
import type { Tls } from "../gateway-address.ts";
import type { Args, OptionSpecs } from "./args.ts";
import type { Settings } from "./config.ts";
import type { TlsFiles } from "./profile.ts";
import { UsageError } from "./usage-error.ts";

/** Options of commands that write a profile. */
export const tlsOptions: OptionSpecs = {
  ca: { value: "FILE", about: "Who signed the gateway's certificate (PEM); default the usual authorities" },
  cert: { value: "FILE", about: "Your certificate, where the gateway asks for one (PEM)" },
  key: { value: "FILE", about: "The key of --cert (PEM)" },
};

/** What of them was given; undefined when nothing was. @throws UsageError */
export function tlsFilesOf(args: Args, settings: Settings): TlsFiles | undefined {
  const [caFile, certFile, keyFile] = ["ca", "cert", "key"].map((name) => {
    const given = args.text(name);
    return given === undefined ? undefined : resolve(settings.folder, given);
  });
  if ((certFile === undefined) !== (keyFile === undefined)) throw new UsageError("--cert and --key belong together");
  if (caFile === undefined && certFile === undefined) return undefined;
  return { ...(caFile && { caFile }), ...(certFile && keyFile && { certFile, keyFile }) };
}

/** @throws AppError FAILED_PRECONDITION naming the file that cannot be read */
export function readTls(files: TlsFiles = {}): Tls {
  return {
    ...(files.caFile && { ca: read(files.caFile) }),
    ...(files.certFile && { cert: read(files.certFile) }),
    ...(files.keyFile && { key: read(files.keyFile) }),
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new AppError("FAILED_PRECONDITION", `the TLS file ${file} cannot be read`, { reason: "BAD_TLS_FILE", cause });
  }
}
