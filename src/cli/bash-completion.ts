/**
 * A script by which bash asks the program for completions. The library's own wants the package bash-completion, and
 * evaluates what is typed: a command substitution would run at the press of a key.
 */
export function bashScript(name: string): string {
  const made = `__${name}_complete`;
  return `# bash completion of ${name}
${made}() {
  local word line last cur= glue= directive=0 i
  local -a words=()
  # Words up to the cursor, put together where bash splits them, at = and :
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ \${#words[@]} -gt 0 && ( -n $glue || $word == [=:]* ) ]]; then
      words[\${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
    if [[ $word == *[=:] ]]; then glue=1; else glue=; fi
  done
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :[0-9]*) directive=\${line#:} ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(${name} complete -- "\${words[@]}" 2>/dev/null)
  if [[ $((directive & 4)) -ne 0 ]]; then compopt +o default 2>/dev/null; fi
  # Only what stands behind the last = or : is bash's to complete.
  cur=\${words[\${#words[@]}-1]}
  last=\${COMP_WORDS[COMP_CWORD]}
  if [[ $last == [=:] ]]; then last=; fi
  COMPREPLY=("\${COMPREPLY[@]#"\${cur%"$last"}"}")
}
complete -o default -F ${made} ${name}`;
}
