import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { AppError } from "@agentmesh/errors";
import type { Database } from "@agentmesh/postgres";
import { unwrap, wrap } from "./domain/key-wrap.ts";
import { type CheckpointSigner, createSigner } from "./domain/signed-note.ts";

const KEY_ID = 1;
const KEY_NAME = "agentmesh-audit";
const PLACE = `compliance|signing_key|${KEY_ID}`;
const MASTER_KEY_BYTES = 32;

/**
 * The key that signs checkpoints: made at the first start, kept wrapped by the master key, the same on every replica.
 *
 * @throws AppError INVALID_ARGUMENT (BAD_KEY_FILE) or FAILED_PRECONDITION (WRONG_MASTER_KEY)
 */
export async function openSigner(db: Database, masterKeyFile: string): Promise<CheckpointSigner> {
  const masterKey = Buffer.from(readFileSync(masterKeyFile, "utf8").trim(), "base64");
  if (masterKey.length !== MASTER_KEY_BYTES) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${masterKeyFile} must hold ${MASTER_KEY_BYTES} bytes in base64, not ${masterKey.length}`,
      {
        reason: "BAD_KEY_FILE",
      },
    );
  }
  const { privateKey } = generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  await db.query("INSERT INTO signing_key (id, name, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", [
    KEY_ID,
    KEY_NAME,
    wrap(masterKey, PLACE, privateKey),
  ]);
  const { rows } = await db.query<{ wrapped: Buffer }>("SELECT wrapped FROM signing_key WHERE id = $1", [KEY_ID]);
  try {
    return createSigner(KEY_NAME, unwrap(masterKey, PLACE, rows[0]?.wrapped ?? Buffer.alloc(0)));
  } catch (cause) {
    throw new AppError(
      "FAILED_PRECONDITION",
      `the signing key does not open with the master key in ${masterKeyFile}; give the one it was made with`,
      {
        reason: "WRONG_MASTER_KEY",
        cause,
      },
    );
  }
}
