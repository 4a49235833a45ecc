import type { Args, OptionSpecs } from "./args.ts";
import type { Settings } from "./config.ts";
import type { Output } from "./output.ts";
import type { Session } from "./session.ts";

/** What a command works with. */
export type Shell = {
  readonly settings: Settings;
  readonly out: Output;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** The signed-in connection, opened with the first call and closed when the command ends. */
  session(): Promise<Session>;
};

export type Command = {
  /** How it is called, without the program's name: a line a form. */
  readonly usage: readonly string[];
  /** What `help` says beneath, where a line is not enough. */
  readonly about?: string;
  readonly options?: OptionSpecs;
  /** How many words it takes that are not options. Default none. */
  readonly words?: { readonly min: number; readonly max: number };
  readonly examples?: readonly string[];
  /** Answers an exit code, default 0. */
  run(shell: Shell, args: Args): Promise<number | undefined>;
};
