import { catalogServices } from "@agentmesh/proto/catalog";

/** The eight services, by the name of their folder under services/. */
export const meshServices: readonly string[] = catalogServices.map((entry) => entry.service).sort();
