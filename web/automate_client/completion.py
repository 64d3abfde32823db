"""Completion: `automate completion bash|zsh|fish` prints a script that asks `automate complete` what may come next."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

SCRIPTS = {
    "bash": """_automate() {
  local IFS=$'\\n'
  COMPREPLY=($(automate complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _automate automate""",
    "zsh": """#compdef automate
_automate() {
  local -a found
  found=(${(f)"$(automate complete -- "${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)"})
  if (( $#found )); then compadd -a found; else _files; fi
}
if [ "$funcstack[1]" = _automate ]; then _automate; else compdef _automate automate; fi""",
    "fish": """function __automate
  set -l words (commandline -opc) (commandline -ct)
  automate complete -- $words[2..-1] 2>/dev/null
end
complete -c automate -a '(__automate)'""",
}


def run(options: argparse.Namespace) -> None:
    print(SCRIPTS[options.shell])


def candidates(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """What may stand in the place of the last of `words`: commands, flags, or the values of a flag; sorted."""
    *before, begun = words or [""]
    place, flag = parser, None
    for word in before:
        flag = place._option_string_actions.get(word)
        for action in place._actions:
            if isinstance(action, argparse._SubParsersAction) and word in action.choices:
                place = action.choices[word]
                break
    if flag is not None and flag.nargs != 0:
        found = [str(each) for each in flag.choices or ()]
    else:
        found = [name for name in place._option_string_actions if name.startswith("--") and begun.startswith("-")]
        for action in place._actions:
            if not action.option_strings and action.choices:
                found += [str(each) for each in action.choices]
    return sorted(each for each in found if each.startswith(begun))
