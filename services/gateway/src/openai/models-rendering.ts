import { ListResourcesReply, Resource } from "@agentmesh/proto/resource";
import type { Rendering } from "../http/rendering.ts";
import { openAiErrors } from "./errors.ts";

/** Agents as a list of models. */
export const modelsRendering: Rendering = {
  async reply(response, reply) {
    const { resources } = ListResourcesReply.fromPartial(Object(reply.kind === "unary" ? reply.body.message : {}));
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ object: "list", data: resources.map(modelOf) }));
  },
  ...openAiErrors,
};

/** One agent as a model. */
export const modelRendering: Rendering = {
  async reply(response, reply) {
    const resource = Resource.fromPartial(Object(reply.kind === "unary" ? reply.body.message : {}));
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(modelOf(resource)));
  },
  ...openAiErrors,
};

function modelOf({ name, tenant, appliedAt }: Resource) {
  const created = Math.floor((appliedAt?.getTime() ?? 0) / 1000);
  return { id: `agent:${name}`, object: "model", created, owned_by: tenant };
}
