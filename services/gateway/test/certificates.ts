// Authorities and client certificates, made by openssl.
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export type Issued = {
  readonly keyFile: string;
  readonly certFile: string;
  readonly key: string;
  readonly cert: string;
  /** In hex. */
  readonly sha256: string;
};

export type Authority = Issued & {
  /** @param names subjectAltName of openssl; @param days negative: it has ended */
  issue(name: string, names: string, days?: number): Promise<Issued>;
};

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

export async function makeAuthority(dir: string, name: string): Promise<Authority> {
  const own = filesOf(dir, name);
  await run("openssl", [
    ...["req", "-x509", ...newKey, "-days", "1", "-subj", `/CN=${name}`],
    ...["-keyout", own.keyFile, "-out", own.certFile],
  ]);
  return {
    ...(await read(own)),
    async issue(leaf, names, days = 1) {
      const files = filesOf(dir, leaf);
      const [request, extensions] = [join(dir, `${leaf}.csr`), join(dir, `${leaf}.ext`)];
      await writeFile(extensions, `subjectAltName=${names}\n`);
      await run("openssl", ["req", ...newKey, "-subj", `/CN=${leaf}`, "-keyout", files.keyFile, "-out", request]);
      await run("openssl", [
        ...["x509", "-req", "-in", request, "-CA", own.certFile, "-CAkey", own.keyFile, "-CAcreateserial"],
        ...["-days", String(days), "-extfile", extensions, "-out", files.certFile],
      ]);
      return read(files);
    },
  };
}

function filesOf(dir: string, name: string) {
  return { keyFile: join(dir, `${name}.key`), certFile: join(dir, `${name}.pem`) };
}

async function read(files: { keyFile: string; certFile: string }): Promise<Issued> {
  const [key, cert] = [await readFile(files.keyFile, "utf8"), await readFile(files.certFile, "utf8")];
  const sha256 = new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase();
  return { ...files, key, cert, sha256 };
}
