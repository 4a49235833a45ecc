import { hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { AppError, describeError } from "@agentmesh/errors";

const KEY_BYTES = 32;

/** @throws AppError INVALID_ARGUMENT (BAD_KEY_FILE) */
export function loadMasterKey(file: string): Buffer {
  const key = Buffer.from(readText(file).trim(), "base64");
  if (key.length === KEY_BYTES) return key;
  throw new AppError(
    "INVALID_ARGUMENT",
    `the master key in ${file} has ${key.length} bytes; expected ${KEY_BYTES} in base64 (head -c 32 /dev/urandom | base64)`,
    { reason: "BAD_KEY_FILE" },
  );
}

/** A key for one purpose, so that no use of the master key tells anything about another. */
export function deriveKey(masterKey: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha512", masterKey, "", `agentmesh/auth/${purpose}`, KEY_BYTES));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `cannot read the master key ${file}: ${describeError(cause)}; set MASTER_KEY_FILE`,
      { reason: "BAD_KEY_FILE", cause },
    );
  }
}
