#!/usr/bin/env python3
"""The house rules of CODING.md that a program can check.

    tools/lint.py [ROOT]        prints each finding as path:line: rule: what; exits with 1 if there is one
    tools/lint.py --rules       lists the rules

Needs nothing but Python's standard library. tools/lint_test.py shows each rule at work.
"""

import bisect
import os
import pathlib
import re
import subprocess
import sys
from typing import NamedTuple

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
BLOB_BYTES_MAX = 256 * 1024
ALLOW_FILE = "tools/lint-allow.txt"
CPP = (".cpp", ".hpp", ".cc", ".h")
CODE_FOLDERS = ("src/", "tests/", "tools/", "bench/", "demo/", "web/", ".ci/")


class Finding(NamedTuple):
    path: str
    line: int
    rule: str
    what: str


# What may be called in one place only. (rule, pattern on code without comments and strings,
# advice, folders where it holds, paths exempt from it: a file, or a folder with a slash at its end)
CLOCKS = r"(?:system|steady|high_resolution|utc|tai|gps|file)_clock"
BANNED = [
    ("clock", re.compile(CLOCKS + r"\s*::\s*now\b|\b(?:gettimeofday|clock_gettime)\s*\("
                         r"|(?<![\w.>])(?:std\s*::\s*|::\s*)?\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)"),
     "take a Clock& (base/clock.hpp)", ("src/", "tests/", "bench/"), ("src/base/clock.cpp",)),
    ("sleep", re.compile(r"this_thread\s*::\s*sleep_(?:for|until)|(?<![\w.>])(?:usleep|nanosleep|sleep)\s*\("),
     "use Clock::sleep_for (base/clock.hpp)", ("src/", "tests/", "bench/"), ("src/base/clock.cpp",)),
    ("random", re.compile(r"\brandom_device\b|(?<![\w.>])s?rand(?:_r)?\s*\("),
     "take a RandomSource& (base/random.hpp)", ("src/", "tests/", "bench/"), ()),
    ("sprintf", re.compile(r"(?<![\w.>])(?:v?sprintf|strcpy|strcat|gets)\s*\("),
     "use fmt (base/format.hpp)", ("src/", "tests/", "bench/"), ()),
    ("regex", re.compile(r"\bstd\s*::\s*(?:basic_)?regex\w*|#\s*include\s*<regex>"),
     "write a small parser: std::regex recurses on hostile input", ("src/", "tests/", "bench/"), ()),
    ("throw", re.compile(r"\bthrow\b"), "return an Error (base/result.hpp)", ("src/", "tests/"), ()),
    # base/bytes.hpp constructs in place, which allocates nothing.
    ("new-delete", re.compile(r"\bnew\b(?!>)|\bdelete\b"),
     "use std::make_unique or a container", ("src/", "tests/", "bench/"), ("src/base/bytes.hpp",)),
    ("getenv", re.compile(r"\b(?:secure_)?getenv\s*\("),
     "the environment is read in cli/ and app/ only; take the value as a parameter", ("src/",),
     ("src/cli/", "src/app/", "src/io/temporary_folder.cpp")),  # TMPDIR, as everywhere.
]
BANNED_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "info"}
# Put together here, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(?:" + "|".join(("FIX" + "ME", "TO" + "DO")) + r")\b")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:" + "wo" + r"rk/|" + "tmp/bash" + "_jobs|var/tmp/" + "brief)")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


# ---- the tree ----------------------------------------------------------------------------------

class Tree:
    """The project's files: those that git tracks or would track, or all of them without git."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.paths = sorted(self._list())
        self._text = {}
        self._code = {}

    def _list(self):
        try:
            # safe.directory: a clone that another user owns is still a clone.
            command = ["git", "-c", "safe.directory=*", "-C", str(self.root), "ls-files", "-z",
                       "--cached", "--others", "--exclude-standard"]
            listed = subprocess.run(command, check=True, stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL).stdout.decode(errors="surrogateescape")
            names = set(listed.split("\0")) - {""}
        except (OSError, subprocess.CalledProcessError):
            names = set()
            for folder, folders, files in os.walk(self.root):
                folders[:] = [f for f in folders if f not in ("build", ".git", "node_modules")]
                names |= {os.path.relpath(os.path.join(folder, f), self.root) for f in files}
        return [n for n in names if (self.root / n).is_file() and not (self.root / n).is_symlink()]

    def cpp(self, *folders):
        return [p for p in self.paths if p.endswith(CPP) and p.startswith(folders or ("src/", "tests/", "bench/"))]

    def size(self, path):
        return (self.root / path).stat().st_size

    def text(self, path):
        """The file's text; empty for one that is no text."""
        if path not in self._text:
            content = (self.root / path).read_bytes()
            is_text = b"\0" not in content[:8192]
            self._text[path] = content.decode(errors="replace") if is_text else ""
        return self._text[path]

    def code(self, path):
        if path not in self._code:
            self._code[path] = only_code(self.text(path))
        return self._code[path]


# ---- reading C++ -------------------------------------------------------------------------------

TOKEN = re.compile(
    r'//(?:[^\n\\]|\\.|\\\n)*'                                     # line comment, may be continued
    r'|/\*.*?\*/'                                                  # block comment
    r'|(?P<raw>(?:u8|[uUL])?R"(?P<fence>[^()\\\s]{0,16})\(.*?\)(?P=fence)")'
    r'|(?P<include>^[ \t]*#[ \t]*include[ \t]*[<"][^>"\n]*[>"])'   # kept whole
    r'|(?P<string>(?:u8|[uUL])?"(?:[^"\\\n]|\\.|\\\n)*")'
    r"|(?P<number>\b[0-9](?:[0-9a-fA-FxXbB.]|'(?=[0-9a-fA-F]))*)"  # 1'000 is no character literal
    r"|(?P<char>(?:u8|[uUL])?'(?:[^'\\\n]|\\.)+')",
    re.DOTALL | re.MULTILINE)


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def only_code(text):
    """`text` with comments and the insides of literals blanked out; every line keeps its number."""

    def replace(match):
        found = match.group(0)
        if match.group("include") or match.group("number"):
            return found
        if match.group("raw") or match.group("string") or match.group("char"):
            return '"' + blank(found[1:-1]) + '"'
        return blank(found)

    return TOKEN.sub(replace, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def without_preprocessor(code):
    """Directives blanked out, their continuation lines too: a macro's braces need not balance."""
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: blank(m.group(0)), code,
                  flags=re.MULTILINE | re.DOTALL)


def without_nested(text, opening, closing):
    """`text` without what stands between outermost `opening` and `closing`."""
    out = []
    depth = 0
    for c in text:
        if c == opening:
            depth += 1
        if depth == 0:
            out.append(c)
        elif c == closing:
            depth -= 1
            if depth == 0:
                out.append(opening + closing)
    return "".join(out)


def kind_of_block(header):
    """What the `{` after `header` opens: "namespace", "type", "function", "member" (an initialiser of
    a constructor's list, after which the same header goes on) or "other"."""
    flat = re.sub(r"\[\[.*?\]\]", " ", header, flags=re.DOTALL)
    flat = re.sub(r"\boperator\s*[^\s\w(]+(?:\s*\(\s*\))?", "operator_", flat)
    flat = without_nested(flat, "(", ")").strip()
    before_parameters = without_template(flat)
    if re.search(r"\bnamespace\b", flat) or re.match(r'extern\s*"\s*"$', flat):
        return "namespace"
    if re.match(r"(?:typedef\s+|inline\s+|static\s+|constexpr\s+|const\s+)*(?:class|struct|union|enum)\b",
                before_parameters) and "()" not in re.sub(
                    r"\balignas\s*\(\)|(?<!:):(?!:).*", "", before_parameters, flags=re.DOTALL):
        return "type"
    if "()" not in flat:
        return "other"
    if re.search(r"=(?!=)", re.sub(r"<[^;{}]*?>", "", before_parameters.split("()")[0])):
        return "other"  # A variable with an initialiser; its lambdas included.
    list_at = re.search(r"\)[^:]*(?<!:):(?!:)", flat)
    if list_at and re.search(r"[\w>]\s*$", flat) and not re.search(r"\b(?:try)\s*$", flat):
        return "member"
    return "function"


def without_template(text):
    text = text.strip()
    while text.startswith("template"):
        rest = text[len("template"):].lstrip()
        if not rest.startswith("<"):
            break
        depth = 0
        for at, c in enumerate(rest):
            depth += {"<": 1, ">": -1}.get(c, 0)
            if depth == 0:
                break
        text = rest[at + 1:].strip()
    return text


def name_of(header):
    """The function's name; of TEST(A, B) it is A.B."""
    match = re.search(r"(operator\s*(?:\(\s*\)|[^\s(]+)|[~\w:]+)\s*\(([^()]*)", without_template(header))
    if not match:
        return "?"
    if re.match(r"(?:TYPED_)?TEST(?:_F|_P)?$", match.group(1)):
        return ".".join(re.split(r"\s*,\s*", match.group(2).strip()))
    return re.sub(r"\s", "", match.group(1))


class Function(NamedTuple):
    name: str
    first: int  # Line of the signature's first token.
    last: int   # Line of the closing brace.


def functions_of(code):
    """The functions with a body in `code`, found by their braces. Lambdas belong to their function."""
    code = without_preprocessor(code)
    starts = [0] + [m.end() for m in re.finditer("\n", code)]
    found = []
    open_blocks = []  # (kind, offset of the header, header)
    header_at = 0
    for match in re.finditer(r"[{};]|\b(?:public|private|protected)\s*:(?!:)", code):
        at = match.start()
        inside = any(kind in ("function", "other") for kind, _, _ in open_blocks)
        if match.group() == "{":
            header = code[header_at:at]
            kind = "other" if inside or any(k == "member" for k, _, _ in open_blocks) else kind_of_block(header)
            open_blocks.append((kind, header_at, header))
            if kind in ("namespace", "type", "function"):
                header_at = at + 1
        elif match.group() == "}" and open_blocks:
            kind, began, header = open_blocks.pop()
            if kind == "function":
                first = began + len(header) - len(header.lstrip())
                found.append(Function(name_of(header), bisect.bisect_right(starts, first),
                                      bisect.bisect_right(starts, at)))
            if kind in ("namespace", "type", "function"):
                header_at = at + 1
        elif match.group() != "}" and not inside:
            header_at = match.end()
    return found


# ---- the rules ---------------------------------------------------------------------------------

def layer_table(tree):
    table = {}
    for line in tree.text("tools/layers.txt").splitlines():
        line = line.split("#")[0].strip()
        if ":" in line:
            module, below = line.split(":", 1)
            table[module.strip()] = set(below.split())
    return table


def check_layers(tree):
    """A module includes itself and what tools/layers.txt allows; its internal/ is its own."""
    table = layer_table(tree)
    known = set(tree.paths)
    # Suites in tests/ stand outside the layers: a fuzz target may read what is private.
    for path in tree.cpp("src/"):
        module = path.split("/")[1]
        text = tree.code(path)
        for match in INCLUDE.finditer(text):
            name = match.group(1)
            line = line_of(text, match.start())
            target = name.split("/")[0]
            if path.endswith("_test.cpp") and f"tests/{name}" in known:
                continue  # A conformance suite, which each implementation instantiates beside its code.
            if f"src/{name}" not in known:
                yield Finding(path, line, "include", f'no file src/{name}: includes start at src/, as "base/result.hpp"')
            elif target != module and target not in table.get(module, set()):
                yield Finding(path, line, "layers", f"{module}/ may not include {target}/ (tools/layers.txt)")
            elif target != module and "/internal/" in name:
                yield Finding(path, line, "internal", f"{name} is private to {target}/")


def check_banned(tree):
    """Calls that have one home."""
    for path in tree.cpp():
        code = re.sub(r"=\s*delete\b", lambda m: blank(m.group()), tree.code(path))
        for rule, pattern, advice, folders, homes in BANNED:
            if not path.startswith(folders):
                continue
            if any(path == home or (home.endswith("/") and path.startswith(home)) for home in homes):
                continue
            if rule == "getenv" and path.endswith(("_test.cpp", "_test.hpp", "_fixture.hpp")):
                continue  # Tests find their temporary folder by TMPDIR.
            for match in pattern.finditer(code):
                yield Finding(path, line_of(code, match.start()), rule, f"{match.group()}: {advice}")


def check_length(tree):
    """Functions of at most 70 lines, files of at most 800, but for tools/lint-allow.txt."""
    allowed = allowances(tree)
    used = set()
    for path in tree.cpp():
        lines = tree.text(path).count("\n")
        measured = [(f"{path}", 1, lines, FILE_LINES_MAX, "file-length", "split it by purpose")]
        measured += [(f"{path}:{f.name}", f.first, f.last - f.first + 1, FUNCTION_LINES_MAX, "function-length",
                      "give its parts names") for f in functions_of(tree.code(path))]
        for key, line, count, limit, rule, advice in measured:
            if count <= limit:
                continue
            most, _ = allowed.get((rule, key), (limit, 0))
            used.add((rule, key))
            if count > most:
                yield Finding(path, line, rule, f"{key.removeprefix(path + ':')}: {count} lines, at most {most}: {advice}")
    for (rule, key), (_, line) in sorted(allowed.items()):
        if (rule, key) not in used:
            yield Finding(ALLOW_FILE, line, "allow-list", f"{rule} {key} is no longer needed; remove the line")


def allowances(tree):
    """Lines of tools/lint-allow.txt: RULE PATH[:FUNCTION] LINES. The list may only shrink."""
    allowed = {}
    if ALLOW_FILE in tree.paths:
        for number, line in enumerate(tree.text(ALLOW_FILE).splitlines(), 1):
            words = line.split("#")[0].split()
            if len(words) == 3:
                allowed[(words[0], words[1])] = (int(words[2]), number)
    return allowed


def check_headers(tree):
    """Every header starts with #pragma once."""
    for path in tree.cpp():
        if path.endswith((".hpp", ".h")) and not tree.code(path).lstrip().startswith("#pragma once"):
            yield Finding(path, 1, "pragma-once", "a header starts with #pragma once")


def check_built(tree):
    """Every source file belongs to a module, or to a suite with a CMakeLists.txt."""
    table = layer_table(tree)
    listed = "\n".join(tree.text(p) for p in tree.paths if p.startswith("tests/") and p.endswith("CMakeLists.txt"))
    suites = {word for words in re.findall(r"foreach\s*\(\s*suite\s+([^)]*)\)", listed) for word in words.split()}
    for path in tree.cpp("src/", "tests/"):
        parts = path.split("/")
        if not path.endswith((".cpp", ".cc")):
            continue
        if parts[0] == "tests":
            is_in_suite = parts[1] in suites and f"tests/{parts[1]}/CMakeLists.txt" in tree.paths
            if not is_in_suite and parts[-1] not in listed:
                yield Finding(path, 1, "not-built", f"no target builds it: tests/{parts[1]} is no suite with a CMakeLists.txt")
        elif len(parts) < 3 or parts[1] not in table:
            yield Finding(path, 1, "not-built", "no target builds it: its folder is no module of tools/layers.txt")
        elif parts[-1] == "main.cpp" and path != "src/cli/main.cpp":
            yield Finding(path, 1, "not-built", "no target builds it: only src/cli/main.cpp is a main")
        elif not path.endswith(".cpp"):
            yield Finding(path, 1, "not-built", "no target builds it: sources end in .cpp")


def check_names(tree):
    """No file or folder is named after nothing in particular; depth is at most 3 below src/."""
    for path in tree.paths:
        if not path.startswith(("src/", "tests/", "tools/", "bench/", "demo/")):
            continue
        for part in path.split("/"):
            words = set(re.split(r"[_.\-]", part.lower()))
            for word in sorted(words & BANNED_NAMES):
                yield Finding(path, 1, "name", f"'{word}' says nothing: name it after what it is")
        if path.startswith("src/") and path.count("/") > 4:
            yield Finding(path, 1, "depth", "folders below src/ go at most 3 deep")


def check_blobs(tree):
    """No file over 256 KiB."""
    for path in tree.paths:
        if tree.size(path) > BLOB_BYTES_MAX:
            yield Finding(path, 1, "blob", f"{tree.size(path)} bytes, at most {BLOB_BYTES_MAX}: generate it instead")


def check_text(tree):
    """Nothing left unfinished, and no path of the machine it was written on."""
    for path in tree.paths:
        text = tree.text(path)
        is_code = path.startswith(CODE_FOLDERS) or path.endswith("CMakeLists.txt") or path == "Makefile"
        if is_code:
            for match in UNFINISHED.finditer(text):
                yield Finding(path, line_of(text, match.start()), "unfinished", f"{match.group()}: finish it or leave it out")
        for match in MACHINE_PATHS.finditer(text):
            yield Finding(path, line_of(text, match.start()), "machine-path", f"{match.group()}...: a path of one machine")


RULES = [check_layers, check_banned, check_length, check_headers, check_built, check_names, check_blobs,
         check_text]


def lint(root):
    tree = Tree(root)
    return sorted(finding for rule in RULES for finding in rule(tree))


def main(arguments):
    if arguments == ["--rules"]:
        for rule in RULES:
            print(f"{rule.__name__.removeprefix('check_')}: {rule.__doc__}")
        return 0
    root = arguments[0] if arguments else pathlib.Path(__file__).resolve().parent.parent
    findings = lint(root)
    for finding in findings:
        print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.what}")
    print(f"lint: {len(findings)} findings" if findings else "lint: no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
