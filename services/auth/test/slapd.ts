// Debian's slapd on loopback with a few people, TLS of its own authority, and no simple bind in clear.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually, freePort } from "@agentmesh/harness";

const SLAPD = "/usr/sbin/slapd";
const SLAPADD = "/usr/sbin/slapadd";
const run = promisify(execFile);

export const noSlapd = existsSync(SLAPD) ? false : "slapd is not installed (apt-get install slapd)";

export type Slapd = AsyncDisposable & {
  /** In clear until StartTLS. */
  readonly url: string;
  readonly tlsUrl: string;
  readonly caPem: string;
};

export const reader = { dn: "cn=reader,dc=example,dc=com", password: "reads only" };

/** @param ldif entries beneath dc=example,dc=com, beside the reader */
export async function startSlapd(ldif: string): Promise<Slapd> {
  const dir = await mkdtemp(join(tmpdir(), "agentmesh-slapd-"));
  await mkdir(join(dir, "data"));
  await makeCertificate(dir);
  const config = join(dir, "slapd.conf");
  await writeFile(config, configOf(dir));
  await writeFile(join(dir, "people.ldif"), `${head}\n${ldif}`);
  await run(SLAPADD, ["-f", config, "-l", join(dir, "people.ldif")]);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const urls = `ldap://127.0.0.1:${port}/ ldaps://127.0.0.1:${tlsPort}/`;
  const server = spawn(SLAPD, ["-f", config, "-h", urls, "-d", "0"], { stdio: "ignore" });
  await eventually(() => isOpen(port), { what: "slapd to listen" });
  return {
    url: `ldap://localhost:${port}`,
    tlsUrl: `ldaps://localhost:${tlsPort}`,
    caPem: await readFile(join(dir, "cert.pem"), "utf8"),
    async [Symbol.asyncDispose]() {
      server.kill("SIGTERM");
      await once(server, "exit");
      await rm(dir, { recursive: true });
    },
  };
}

const head = `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ${reader.dn}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: ${reader.password}
`;

function configOf(dir: string): string {
  const schemas = ["core", "cosine", "inetorgperson"].map((name) => `include /etc/ldap/schema/${name}.schema`);
  return `${schemas.join("\n")}
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${dir}/slapd.pid
TLSCertificateFile ${dir}/cert.pem
TLSCertificateKeyFile ${dir}/key.pem
security simple_bind=128
allow bind_v2 bind_anon_cred
database mdb
suffix "dc=example,dc=com"
rootdn "cn=root,dc=example,dc=com"
directory ${dir}/data
access to attrs=userPassword by anonymous auth by * none
access to * by * read
`;
}

async function makeCertificate(dir: string): Promise<void> {
  const names = "subjectAltName=DNS:localhost";
  const files = ["-keyout", join(dir, "key.pem"), "-out", join(dir, "cert.pem")];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
  await run("openssl", ["req", "-x509", ...kind, ...files, "-subj", "/CN=localhost", "-addext", names]);
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
