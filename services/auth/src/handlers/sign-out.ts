import { recordAudit } from "@agentmesh/audit";
import { isId } from "@agentmesh/ids";
import type { SignOutReply, SignOutRequest } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { endSession, endSessionsOf } from "../store/sessions.ts";

/** Ends the caller's session, or all of theirs; every service refuses their tokens within a second. */
export async function signOut(context: Context, request: SignOutRequest, call: Call): Promise<SignOutReply> {
  const { tenant, subject, sessionId, actors } = requirePrincipal(call);
  const at = new Date();
  const ended = await context.db.transaction(async (tx) => {
    // The token of an API key names no session; revoking the key is what ends it.
    const one = !request.everywhere && isId(sessionId) ? await endSession(tx, tenant, sessionId, at, "signed_out") : [];
    const all = request.everywhere ? await endSessionsOf(tx, { tenant, subject, keep: 0 }, at, "signed_out") : [];
    const ids = [...one, ...all];
    await context.revocations.revokeSessions(tx, tenant, ids, at.getTime());
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject,
        actors,
        action: "session.sign_out",
        resource: request.everywhere ? "Session/*" : `Session/${sessionId}`,
        outcome: "succeeded",
        requestId: call.requestId,
      },
      at,
    );
    return ids.length;
  });
  await context.revocations.publish();
  return { sessionsEnded: ended };
}
