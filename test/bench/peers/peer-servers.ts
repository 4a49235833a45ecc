import type { BenchMesh } from "../mesh/open-mesh.ts";
import { folderOf, type InstalledPeer } from "./install.ts";

/** The servers of the mesh, for a peer. */
export type PeerServers = {
  /** A database of the peer's own. */
  readonly postgresUrl: string;
  readonly redisUrl: string;
  /** Of the servers it uses, by name; one that it brings along is a child of its worker. */
  readonly pids: Readonly<Record<string, number>>;
};

const serverOf: Readonly<Record<string, string>> = { bullmq: "redis", "@restatedev/restate-server": "none" };

export async function openPeerServers(peer: InstalledPeer, bench: BenchMesh): Promise<PeerServers> {
  const { mesh, sql } = bench;
  const database = `bench_${folderOf(peer).replaceAll("-", "_")}`;
  await sql.query(`CREATE DATABASE ${database}`);
  const url = new URL(mesh.postgresAdminUrl);
  url.pathname = `/${database}`;
  const server = serverOf[peer.name] ?? "postgres";
  const pid = mesh.pids()[server];
  return { postgresUrl: url.href, redisUrl: mesh.redisUrl, pids: pid === undefined ? {} : { [server]: pid } };
}
