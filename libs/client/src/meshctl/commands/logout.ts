import { isAppError } from "@agentmesh/errors";
import type { Command } from "../command.ts";
import { defaultProfile, profileName, readProfile, removeProfile, writeProfile } from "../profile.ts";

export const logout: Command = {
  usage: ["logout [--everywhere]"],
  about: "A profile that has a name keeps its address and certificates; `profile remove` forgets those too.",
  options: { everywhere: { about: "End every session of yours, not only this one" } },
  async run(shell, args) {
    const { out, settings } = shell;
    const name = profileName(settings);
    const profile = readProfile(settings.home, name);
    if (!profile || profile.credential.kind === "none") {
      out.answer({ signedOut: false }, () => out.line("Nobody was signed in."));
      return 0;
    }
    let ended = 0;
    if (profile.credential.kind === "session") {
      try {
        const { mesh } = await shell.session();
        ended = (await mesh.auth.signOut({ everywhere: args.flag("everywhere") })).sessionsEnded;
      } catch (error) {
        // Forgetting must work without the mesh; the session there ends by itself.
        if (!isAppError(error)) throw error;
        out.note(`the mesh could not be told: ${error.message}`);
      }
    }
    if (name === defaultProfile) removeProfile(settings.home);
    else writeProfile(settings.home, { ...profile, username: "", credential: { kind: "none" } }, name);
    out.answer({ signedOut: true, sessionsEnded: ended }, () => {
      out.line(`Signed out of ${profile.address}${ended > 1 ? `; ${ended} sessions ended` : ""}.`);
    });
    return 0;
  },
};
