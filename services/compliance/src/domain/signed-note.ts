// Checkpoints as signed notes (C2SP signed-note and tlog-checkpoint): three lines of text, a blank line, signatures.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

export type Checkpoint = { readonly origin: string; readonly size: bigint; readonly root: Buffer };

export type CheckpointSigner = {
  readonly name: string;
  sign(checkpoint: Checkpoint): string;
  readonly publicKey: KeyObject;
};

// Algorithm byte of Ed25519 in a signed note's key id.
const ED25519 = 1;
const RAW_KEY_BYTES = 32;

/** One tree a tenant. */
export function originOf(tenant: string): string {
  return `agentmesh/audit/${tenant}`;
}

/** @param privateKey PKCS #8 of an Ed25519 key, PEM */
export function createSigner(name: string, privateKey: string): CheckpointSigner {
  const key = createPrivateKey(privateKey);
  const publicKey = createPublicKey(key);
  const id = keyId(name, publicKey);
  return {
    name,
    publicKey,
    sign(checkpoint) {
      const text = textOf(checkpoint);
      const signature = Buffer.concat([id, sign(null, Buffer.from(text), key)]);
      return `${text}\n— ${name} ${signature.toString("base64")}\n`;
    },
  };
}

function textOf({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString("base64")}\n`;
}

function keyId(name: string, publicKey: KeyObject): Buffer {
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-RAW_KEY_BYTES);
  return createHash("sha256").update(`${name}\n`).update(Buffer.of(ED25519)).update(raw).digest().subarray(0, 4);
}

/** The checkpoint of a note that one of the keys signed, or undefined. */
export function openNote(
  note: string,
  keys: readonly { name: string; publicKey: KeyObject }[],
): Checkpoint | undefined {
  const split = note.indexOf("\n\n");
  if (split < 0) return undefined;
  const text = note.slice(0, split + 1);
  const [origin = "", size = "", root = "", ...more] = text.split("\n");
  if (more.length !== 1 || !/^\d+$/.test(size)) return undefined;
  const signed = note
    .slice(split + 2)
    .split("\n")
    .some((line) => keys.some((key) => isSignatureOf(line, text, key)));
  return signed ? { origin, size: BigInt(size), root: Buffer.from(root, "base64") } : undefined;
}

function isSignatureOf(line: string, text: string, key: { name: string; publicKey: KeyObject }): boolean {
  const [dash, name, encoded = ""] = line.split(" ");
  if (dash !== "—" || name !== key.name) return false;
  const bytes = Buffer.from(encoded, "base64");
  if (!bytes.subarray(0, 4).equals(keyId(key.name, key.publicKey))) return false;
  return verify(null, Buffer.from(text), key.publicKey, bytes.subarray(4));
}
