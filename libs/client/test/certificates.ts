// A company's authority, the certificate of its gateway, and one of a person; made by openssl.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Certificate = {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
};

/** `gateway` is for localhost and 127.0.0.1. */
export type Certificates = {
  readonly authority: Certificate;
  readonly gateway: Certificate;
  readonly person: Certificate;
};

export function makeCertificates(folder: string): Certificates {
  const authority = filesOf(folder, "authority");
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-days",
    "1",
    "-subj",
    "/CN=company",
    "-keyout",
    authority.keyFile,
    "-out",
    authority.certFile,
  );
  const issue = (name: string, alternative: string) => {
    const files = filesOf(folder, name);
    const [request, extensions] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)];
    writeFileSync(extensions, `subjectAltName=${alternative}\n`);
    openssl("req", ...newKey, "-subj", `/CN=${name}`, "-keyout", files.keyFile, "-out", request);
    const by = ["-CA", authority.certFile, "-CAkey", authority.keyFile, "-CAcreateserial"];
    openssl("x509", "-req", "-in", request, ...by, "-days", "1", "-extfile", extensions, "-out", files.certFile);
    return read(files);
  };
  return {
    authority: read(authority),
    gateway: issue("gateway", "DNS:localhost,IP:127.0.0.1"),
    person: issue("ada", "email:ada@example.com"),
  };
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "pipe" });
}

function filesOf(folder: string, name: string) {
  return { certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) };
}

function read(files: { certFile: string; keyFile: string }): Certificate {
  return { ...files, cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) };
}
