import { ask, firstLine, isTerminal } from "../ask.ts";
import type { Command, Shell } from "../command.ts";
import { profileName, readProfile, sessionOf, writeProfile } from "../profile.ts";
import { UsageError } from "../usage-error.ts";

export const mfa: Command = {
  usage: ["mfa set-up", "mfa step-up"],
  about: `set-up registers an authenticator app and prints recovery codes, once. step-up gives a code in the session there
is, for what needs a second factor given lately. The code is asked for, or read from standard input.`,
  words: { min: 1, max: 1 },
  examples: ["mfa set-up", "mfa step-up"],
  async run(shell, args) {
    const [verb] = args.words;
    if (verb === "set-up") return setUp(shell);
    if (verb === "step-up") return stepUp(shell);
    throw new UsageError(`mfa ${verb}: expected set-up or step-up`);
  },
};

async function setUp(shell: Shell): Promise<number> {
  const { out } = shell;
  const { mesh } = await shell.session();
  const { secret, uri } = await mesh.auth.enrolTotp({});
  out.note(`Add this to an authenticator app, by hand or as a QR code:\n\n  ${secret}\n  ${uri}\n`);
  const askedAtMs = Date.now();
  const { recoveryCodes, tokens } = await mesh.auth.confirmTotp({ code: await askCode(shell) });
  if (tokens) keep(shell, sessionOf(tokens, askedAtMs));
  out.answer({ recoveryCodes }, () => {
    for (const code of recoveryCodes) out.line(code);
    out.note(
      "Sign-ins ask for a code from now on. Each of these stands in for one, should the app be lost; keep them.",
    );
  });
  return 0;
}

async function stepUp(shell: Shell): Promise<number> {
  const { mesh } = await shell.session();
  const askedAtMs = Date.now();
  const reply = await mesh.auth.stepUp({ code: await askCode(shell) });
  keep(shell, sessionOf(reply, askedAtMs));
  shell.out.answer({ steppedUp: true }, () => shell.out.line("The second factor counts from now on."));
  return 0;
}

async function askCode({ signal }: Shell): Promise<string> {
  const code = isTerminal()
    ? await ask("code of your authenticator app: ", { secret: false, signal })
    : await firstLine();
  if (code.trim() === "") throw new UsageError("no code: type it, or pipe it in");
  return code.trim();
}

function keep({ settings }: Shell, credential: ReturnType<typeof sessionOf>): void {
  const name = profileName(settings);
  const profile = readProfile(settings.home, name);
  if (profile?.credential.kind === "session") writeProfile(settings.home, { ...profile, credential }, name);
}
