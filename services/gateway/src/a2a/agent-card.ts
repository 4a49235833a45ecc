import { ListResourcesReply, Resource } from "@agentmesh/proto/resource";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { GatewayConfig } from "../config.ts";
import type { EdgeCall } from "../http/edge-call.ts";
import { routed } from "../routes.ts";
import { version } from "../version.ts";

export const A2A_PATH = "/a2a";
export const CARD_PATH = "/.well-known/agent-card.json";
export const A2A_VERSION = "1.0";

const listResources = routed(runnerContract.methods.listResources.path);
const getResource = routed(runnerContract.methods.getResource.path);
const MAX_SKILLS = 500;

/** Where callers reach the edge. */
export type Where = {
  readonly origin: string;
  /** Empty: cards do not name it. */
  readonly grpcAddress: string;
};

/** What anyone may know of the mesh: that it speaks A2A, and how to sign in. Its agents are told to who has. */
export function meshCard({ origin }: Where): object {
  return cardOf({
    name: "agentmesh",
    description: "Agents of a mesh. Sign in and ask for the extended card; each agent has its own endpoint.",
    url: origin + A2A_PATH,
    skills: [skillOf("agents", "The agents of the caller's tenant, at /a2a/NAME")],
    isExtended: true,
    more: [],
  });
}

/** The same with the caller's agents as skills. */
export async function extendedCard(edge: EdgeCall, where: Where): Promise<object> {
  const reply = await edge.unary(listResources, { kind: "Agent", pageSize: MAX_SKILLS, pageToken: "" });
  const { resources } = ListResourcesReply.fromPartial(Object(reply));
  const skills = resources.map((resource) => skillOf(resource.name, descriptionOf(resource)));
  return { ...meshCard(where), skills };
}

/** @throws AppError NOT_FOUND */
export async function agentCard(edge: EdgeCall, { origin, grpcAddress }: Where, agent: string): Promise<object> {
  const resource = Resource.fromPartial(
    Object(await edge.unary(getResource, { kind: "Agent", name: agent, version: 0 })),
  );
  const description = descriptionOf(resource);
  return {
    ...cardOf({
      name: agent,
      description,
      url: `${origin}${A2A_PATH}/${agent}`,
      skills: [skillOf(agent, description)],
      isExtended: false,
      // The agent is what a request's tenant names there.
      more: grpcAddress ? [{ ...interfaceOf(grpcAddress, "GRPC"), tenant: agent }] : [],
    }),
    version: String(resource.version),
  };
}

type CardWords = {
  readonly name: string;
  readonly description: string;
  readonly url: string;
  readonly skills: readonly object[];
  readonly isExtended: boolean;
  /** Interfaces beside the one at `url`. */
  readonly more: readonly object[];
};

function cardOf({ name, description, url, skills, isExtended, more }: CardWords) {
  return {
    name,
    description,
    version,
    supportedInterfaces: [interfaceOf(url, "JSONRPC"), ...more],
    capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: isExtended, extensions: [] },
    securitySchemes: {
      bearer: { httpAuthSecurityScheme: { scheme: "Bearer", description: "An access token or an API key" } },
      apiKey: { apiKeySecurityScheme: { location: "header", name: "x-api-key" } },
    },
    securityRequirements: [{ schemes: { bearer: { list: [] } } }, { schemes: { apiKey: { list: [] } } }],
    defaultInputModes: ["text/plain", "application/json", "image/png", "image/jpeg", "audio/wav", "audio/mpeg"],
    defaultOutputModes: ["text/plain", "application/json"],
    skills,
    signatures: [],
  };
}

function interfaceOf(url: string, protocolBinding: "JSONRPC" | "GRPC") {
  return { url, protocolBinding, protocolVersion: A2A_VERSION };
}

function skillOf(name: string, description: string) {
  return {
    id: name,
    name,
    description,
    tags: ["agent"],
    examples: [],
    inputModes: [],
    outputModes: [],
    securityRequirements: [],
  };
}

function descriptionOf({ name, spec }: Resource): string {
  const description: unknown = Reflect.get(Object(spec), "description");
  return typeof description === "string" && description !== "" ? description : `Ask the agent ${name}`;
}

/** The host that the caller named, unless the addresses are configured. */
export function whereOf({ publicUrl, publicGrpcAddress = "" }: GatewayConfig["http"], host = "localhost"): Where {
  const named = `http://${/^[\w.:[\]-]{1,255}$/.test(host) ? host : "localhost"}`;
  return { origin: publicUrl ? publicUrl.replace(/\/$/, "") : named, grpcAddress: publicGrpcAddress };
}
