/** What is completed of a command. */
export type Completable = {
  readonly name: string;
  readonly summary: string;
  /** With their dashes. */
  readonly options: readonly string[];
  /** What may stand as its first word. */
  readonly words: readonly string[];
};

/** bash's own completion; zsh understands it through bashcompinit. */
export function bashScript(commands: readonly Completable[]): string {
  const cases = commands.map(
    ({ name, options, words }) =>
      `    ${name}) options=${quote(options)}; [ "$COMP_CWORD" -eq 2 ] && words=${quote(words)} ;;`,
  );
  return `_meshctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" options="" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quote(commands.map(({ name }) => name))} -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
}
complete -o default -F _meshctl meshctl`;
}

export function zshScript(commands: readonly Completable[]): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;
}

export function fishScript(commands: readonly Completable[]): string {
  const lines = commands.flatMap(({ name, summary, options, words }) => [
    `complete -c meshctl -n __fish_use_subcommand -f -a ${name} -d ${quote([summary])}`,
    ...options
      .filter((option) => option.startsWith("--"))
      .map((option) => `complete -c meshctl -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`),
    ...(words.length > 0 ? [`complete -c meshctl -n '__fish_seen_subcommand_from ${name}' -f -a ${quote(words)}`] : []),
  ]);
  return lines.join("\n");
}

function quote(words: readonly string[]): string {
  return `'${words.join(" ").replace(/'/g, "")}'`;
}
