import { knownPermissions } from "./permissions.ts";

/** Roles every tenant begins with. What an admin changed of them stays changed. */
export const shippedRoles: Readonly<Record<string, Record<string, unknown>>> = {
  admin: { description: "Everything", permissions: [...knownPermissions] },
  operator: {
    description: "Runs agents, watches and configures the mesh",
    permissions: [
      "agent:read",
      "agent:execute",
      "data:read:public",
      "data:read:internal",
      "system:monitor",
      "system:config",
    ],
  },
  agent_developer: {
    description: "Builds agents outside production",
    permissions: [
      "agent:create",
      "agent:read",
      "agent:update",
      "agent:execute",
      "data:read:public",
      "data:read:internal",
      "system:monitor",
    ],
    constraints: { environments: ["development", "staging"] },
  },
  data_analyst: {
    description: "Runs agents in business hours from the company's network",
    permissions: ["agent:read", "agent:execute", "data:read:public", "data:read:internal"],
    constraints: {
      hours: { days: ["mon", "tue", "wed", "thu", "fri"], from: "08:00", to: "18:00", timeZone: "UTC" },
      networks: ["10.0.0.0/8"],
      maxSessions: 3,
    },
  },
  workflow_runner: { permissions: ["agent:execute", "agent:read", "data:read:public", "data:read:internal"] },
};

/** The role that an admin must never lose by a change of resources. */
export const adminRole = "admin";
