/** What is completed of a command. */
export type Completable = {
  readonly name: string;
  readonly summary: string;
  /** With their dashes. */
  readonly options: readonly string[];
  /** What may stand as its first word. */
  readonly words: readonly string[];
  /** Whether names of resources follow: of the kind that is the first word, or of `kind/` before the name. */
  readonly names?: "after-kind" | "after-slash";
};

/** bash's own completion; zsh understands it through bashcompinit. */
export function bashScript(commands: readonly Completable[]): string {
  const cases = commands.map(
    ({ name, options, words, names }) =>
      `    ${name}) options=${quote(options)}; [ "$COMP_CWORD" -eq 2 ] && words=${quote(words)}${namesIn(names)} ;;`,
  );
  return `_meshctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" kind="\${COMP_WORDS[2]}" options="" words=""
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
  case "\${COMPREPLY[0]}" in */) compopt -o nospace 2>/dev/null ;; esac
}
complete -o default -F _meshctl meshctl`;
}

/** Asked of the mesh while somebody waits: whoever does not answer in two seconds has no names. */
function namesIn(names: Completable["names"]): string {
  if (names === "after-kind") {
    return '; [ "$COMP_CWORD" -eq 3 ] && words=$(meshctl completion names "$kind" 2>/dev/null)';
  }
  if (names !== "after-slash") return "";
  return '; case "$current" in */*) words=$(meshctl completion names "$current" 2>/dev/null) ;; esac';
}

export function zshScript(commands: readonly Completable[]): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;
}

export function fishScript(commands: readonly Completable[]): string {
  const lines = commands.flatMap((command) => {
    const { name, summary, options, words } = command;
    return [
      `complete -c meshctl -n __fish_use_subcommand -f -a ${name} -d ${quote([summary])}`,
      ...options
        .filter((option) => option.startsWith("--"))
        .map((option) => `complete -c meshctl -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`),
      ...(words.length > 0
        ? [`complete -c meshctl -n '__fish_seen_subcommand_from ${name}' -f -a ${quote(words)}`]
        : []),
      ...fishNames(command),
    ];
  });
  return lines.join("\n");
}

/** fish asks by itself what stands on the line so far. */
function fishNames({ name, names }: Completable): string[] {
  if (names === undefined) return [];
  const word = names === "after-kind" ? "(commandline -opc)[3]" : "(commandline -ct)";
  return [
    `complete -c meshctl -n '__fish_seen_subcommand_from ${name}' -f -a '(meshctl completion names ${word} 2>/dev/null)'`,
  ];
}

function quote(words: readonly string[]): string {
  return `'${words.join(" ").replace(/'/g, "")}'`;
}
