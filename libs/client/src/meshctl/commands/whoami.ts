import { UserContext } from "@agentmesh/proto/auth";
import type { Command } from "../command.ts";
import { printFields } from "../table.ts";
import { when } from "../time.ts";

export const whoami: Command = {
  usage: ["whoami"],
  async run(shell) {
    const { out } = shell;
    const { mesh, address } = await shell.session();
    const who = await mesh.auth.whoAmI({});
    const now = new Date();
    out.answer(UserContext.toJSON(who), () =>
      printFields(out, [
        ["user", { text: who.username || who.subject, style: "bold" }],
        ["name", who.displayName],
        ["email", who.email],
        ["tenant", who.tenant],
        ["department", who.department],
        ["roles", who.roles.join(", ")],
        ["may", who.permissions.toSorted().join(", ")],
        ["acting", who.actors.join(" → ")],
        ["may after step-up", who.stepUpPermissions.join(", ")],
        ["second factor", who.secondFactorEnrolled ? (who.amr.includes("mfa") ? "given" : "set up") : ""],
        ["signed in", when(who.lastSignIn, now)],
        ["session until", when(who.sessionExpiresAt, now)],
        ["mesh", address],
        ["subject", who.subject],
      ]),
    );
    return 0;
  },
};
