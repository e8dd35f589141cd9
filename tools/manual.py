#!/usr/bin/env python3
"""Makes what the shell needs to know about the program from the program's own help.

    tools/manual.py man PROGRAM EPOCH       the manual page reprieve(1)
    tools/manual.py completion PROGRAM      completion of commands and options for bash

Each command's help is asked for, and its subcommands', so neither can tell of anything that is not there.
"""

import datetime
import re
import subprocess
import sys


def help_of(program, words):
    asked = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True)
    return asked.stdout.strip("\n")


def section_of(text, title):
    """The lines of one section of a help text."""
    found = re.search(rf"^{title}:\n((?:  .*\n?|\n(?=  ))*)", text, re.MULTILINE)
    return found.group(1).splitlines() if found else []


def commands_of(text):
    return [match.group(1) for line in section_of(text, "Subcommands") if (match := re.match(r"  ([a-z][\w-]*)", line))]


def options_of(text):
    words = [word for line in section_of(text, "Options") if line.startswith("  -")
             for word in re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", line[2:36].split("  ")[0])]
    return list(dict.fromkeys(words))


def walk(program, words=()):
    """All commands with their help, in the order of the help: (words, text)."""
    text = help_of(program, words)
    yield list(words), text
    for command in commands_of(text):
        yield from walk(program, (*words, command))


def roff(text):
    """Text as it stands: lines that begin with a dot or a quote would be commands."""
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line
                     for line in text.replace("\\", "\\e").replace("-", "\\-").splitlines())


def manual(program, epoch):
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    day = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).date().isoformat()
    print(f'.TH REPRIEVE 1 "{day}" "reprieve {version}" "User Commands"')
    print(".SH NAME\nreprieve \\- disaster recovery that you can run")
    for words, text in walk(program):
        if words:
            print(f'.SH "{roff("reprieve " + " ".join(words)).upper()}"' if len(words) == 1
                  else f'.SS "{roff("reprieve " + " ".join(words))}"')
        else:
            print(".SH SYNOPSIS\n.B reprieve\n[OPTIONS] COMMAND ...\n.SH DESCRIPTION")
        print(f".nf\n{roff(text)}\n.fi")
    print(".SH FILES\n.TP\n.I reprieve.yaml\nThe plan, in the current folder; /usr/share/doc/reprieve/plan.md is its manual.")
    print(".SH SEE ALSO\n/usr/share/doc/reprieve: the manual of the plan, of runs, of exit codes, the format of the "
          "repository, and how data are read without this program.")


def completion(program):
    print("# bash completion for reprieve, made from its help\n_reprieve() {\n"
          "  local current=${COMP_WORDS[COMP_CWORD]} word path='' words\n"
          "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
          "    case \"$path $word\" in")
    found = list(walk(program))
    for words, _ in found[1:]:
        print(f"      ' {' '.join(words)}') path=' {' '.join(words)}' ;;")
    print("    esac\n  done\n  case \"$path\" in")
    everywhere = options_of(found[0][1])
    for words, text in found:
        path = "".join(" " + word for word in words)
        choice = [*commands_of(text), *options_of(text), *(everywhere if words else [])]
        print(f"    '{path}') words='{' '.join(dict.fromkeys(choice))}' ;;")
    print("  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n}\n"
          "complete -o bashdefault -o default -F _reprieve reprieve")


if __name__ == "__main__":
    if sys.argv[1:2] == ["man"] and len(sys.argv) == 4:
        manual(*sys.argv[2:])
    elif sys.argv[1:2] == ["completion"] and len(sys.argv) == 3:
        completion(sys.argv[2])
    else:
        sys.exit(__doc__)
