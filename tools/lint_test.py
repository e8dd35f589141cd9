#!/usr/bin/env python3
"""Shows that each rule of tools/lint.py fires on what it is for, and on nothing else."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lint  # noqa: E402

LAYERS = "base:\nio: base\nplan: base\ncli: base app\napp: base io\n"
SUITES = "foreach(suite conformance fuzz)\nendforeach()\n"


class LintTest(unittest.TestCase):
    def lint(self, files):
        """The rules that fire on a project made of `files`, as (path, line, rule)."""
        with tempfile.TemporaryDirectory() as root:
            tree = {"tools/layers.txt": LAYERS, "tests/CMakeLists.txt": SUITES, **files}
            for path, text in tree.items():
                target = pathlib.Path(root, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text if isinstance(text, bytes) else text.encode())
            return [(f.path, f.line, f.rule) for f in lint.lint(root)]

    def fires(self, rule, text, path="src/io/file.cpp", line=1, **more):
        found = self.lint({path: text, **more})
        self.assertIn((path, line, rule), found, text)

    def silent(self, text, path="src/io/file.cpp", **more):
        self.assertEqual(self.lint({path: text, **more}), [], text)

    # ---- layers

    def test_a_module_includes_only_what_the_table_allows(self):
        plan = {"src/plan/plan.hpp": "#pragma once\n", "src/base/a.hpp": "#pragma once\n",
                "src/io/own.hpp": "#pragma once\n"}
        self.fires("layers", '\n#include "plan/plan.hpp"\n', line=2, **plan)
        self.fires("layers", '#include "io/own.hpp"\n', path="src/base/b.cpp", **plan)
        self.silent('#include <vector>\n#include "base/a.hpp"\n#include "io/own.hpp"\n', **plan)
        self.silent('// #include "plan/plan.hpp"\n/*\n#include "plan/plan.hpp"\n*/\n', **plan)

    def test_an_include_starts_at_src(self):
        self.fires("include", '#include "own.hpp"\n', **{"src/io/own.hpp": "#pragma once\n"})
        self.fires("include", '#include "base/gone.hpp"\n')

    def test_a_unit_test_may_instantiate_a_conformance_suite(self):
        suite = {"tests/conformance/a_suite.hpp": "#pragma once\n"}
        self.silent('#include "conformance/a_suite.hpp"\n', path="src/io/a_test.cpp", **suite)
        self.fires("include", '#include "conformance/a_suite.hpp"\n', path="src/io/a.cpp", **suite)

    def test_internal_headers_are_private_but_suites_may_test_them(self):
        private = {"src/base/internal/a.hpp": "#pragma once\n"}
        self.fires("internal", '#include "base/internal/a.hpp"\n', **private)
        self.silent('#include "base/internal/a.hpp"\n', path="src/base/b.cpp", **private)
        self.silent('#include "base/internal/a.hpp"\n', path="tests/fuzz/a_fuzz.cpp",
                    **{"tests/fuzz/CMakeLists.txt": "", **private})

    # ---- banned calls

    def test_the_time_comes_from_a_clock(self):
        for call in ("auto t = std::chrono::system_clock::now();", "std::chrono::steady_clock ::now()",
                     "time(nullptr)", "::time(NULL)", "clock_gettime(CLOCK_REALTIME, &t)", "gettimeofday(&t, 0)"):
            self.fires("clock", call)
        self.silent("auto a = clock.now(); auto b = entry.time(0); file_time(nullptr);")
        self.silent("std::chrono::system_clock::now();", path="src/base/clock.cpp")

    def test_only_a_clock_sleeps(self):
        for call in ("std::this_thread::sleep_for(d);", "usleep(5);", "::sleep(1);", "nanosleep(&t, 0);"):
            self.fires("sleep", call)
        self.silent("clock.sleep_for(d); clock->sleep(d);")

    def test_randomness_comes_from_a_source(self):
        for call in ("std::random_device d;", "int x = rand();", "srand(1);", "rand_r(&seed);"):
            self.fires("random", call)
        self.silent("random.fill(out); operand(1); rng.rand();")

    def test_text_is_not_formatted_into_a_buffer(self):
        self.fires("sprintf", "sprintf(buffer, format);")
        self.fires("sprintf", "std::vsprintf(buffer, format, list);")
        self.fires("sprintf", "strcpy(a, b);")
        self.silent("std::snprintf(buffer, 10, format); std::fprintf(stderr, format);")

    def test_no_regular_expression_of_the_standard_library(self):
        self.fires("regex", "std::regex r;")
        self.fires("regex", "#include <regex>\n")
        self.fires("regex", "std::regex_match(a, b);")
        self.silent("bool is_regex(int);")

    def test_nothing_is_thrown(self):
        self.fires("throw", "int f() {\n  throw 1;\n}\n", line=2)
        self.silent("EXPECT_NO_THROW(f()); // they throw\nconst char* s = \"throw\";", path="src/io/file_test.cpp")

    def test_nothing_is_allocated_or_freed_by_hand(self):
        self.fires("new-delete", "auto* p = new int;")
        self.fires("new-delete", "auto* p = ::new (at) int;")
        self.fires("new-delete", "delete p;")
        self.fires("new-delete", "delete[] p;")
        self.silent("#include <new>\nstruct A {\n  A(const A&) = delete;\n  A& operator=(A&&)\n      = delete;\n};\n"
                    "int is_new = renew(1);")
        in_place = "#pragma once\n::new (static_cast<void*>(at)) U;"
        self.silent(in_place, path="src/base/bytes.hpp")

    def test_the_environment_is_read_at_the_edge(self):
        self.fires("getenv", 'std::getenv("HOME");')
        self.fires("getenv", 'secure_getenv("HOME");')
        self.silent('std::getenv("HOME");', path="src/cli/main.cpp")
        self.silent('std::getenv("HOME");', path="src/app/app.cpp")
        self.silent('std::getenv("TMPDIR");', path="src/io/file_test.cpp")

    def test_comments_and_literals_are_no_code(self):
        self.silent('// throw new std::regex\n/* rand(); delete p; */\nauto s = "throw \\" rand()";\n'
                    'auto r = R"x(throw )" new int; )x";\nchar c = \'"\'; auto n = 1\'000\'000; auto u = u8"new";\n')
        self.fires("throw", 'auto r = R"(a)"; throw 1; auto q = "";')
        self.fires("throw", "char c = '\"'; throw 1; char d = '\"';")
        self.fires("throw", "int n = 1'000; throw 1; int m = 1'0;")

    # ---- length

    def test_a_function_of_70_lines_is_the_longest(self):
        body = "  a();\n"
        self.silent("void f() {\n" + body * 68 + "}\n")
        self.fires("function-length", "\nvoid f() {\n" + body * 69 + "}\n", line=2)

    def test_each_kind_of_function_is_measured(self):
        body = "  a({1, 2});\n  if (x) {\n    b();\n  }\n" * 18
        for head in ("int A::f(int x) const noexcept {\n", "template <class T>\nauto f(T t) -> Result<T> {\n",
                     "A::A(int x) : B{x}, c_(x), d_{x} {\n", "TEST(Suite, DoesThat) {\n",
                     "bool operator==(const A& a, const A& b) {\n", "extern \"C\" int f(const char* s = \"{\") {\n",
                     "std::map<int, int> f(std::function<void()> g = {}) {\n", "struct A* f() {\n"):
            self.fires("function-length", "namespace {\n" + head + body + "}\n}\n", line=2)
            self.fires("function-length", "class X {\n" + head + body + "}\n};\n", line=2)

    def test_types_namespaces_tables_and_macros_are_no_functions(self):
        lines = "  int a = 1;\n" * 80
        self.silent("namespace a::b {\n" + lines + "}\n")
        self.silent("class A final : public B<int()> {\n public:\n" + lines + "};\n")
        self.silent("enum class E : int {\n" + "  kA,\n" * 80 + "};\n")
        self.silent("constexpr std::array<Row, 8> kRows = {{\n" + "  {f(1), 2},\n" * 80 + "}};\n")
        self.silent("#define A(x) \\\n  do { \\\n" + "  x(); \\\n" * 80 + "  } while (\n" + "int b = 1;\n")

    def test_braces_in_literals_and_comments_do_not_count(self):
        tricky = 'void f() {\n  auto a = "{{{"; // {{{\n  auto b = R"({{{ )"; /* { */ char c = \'{\';\n}\n'
        self.silent(tricky + "void g() {}\n" * 80)

    def test_documentation_before_a_member_is_not_part_of_it(self):
        self.silent("class A {\n public:\n" + "  /// Words.\n" * 60 + "  void f() {\n" + "    a();\n" * 60 + "  }\n};\n")

    def test_the_longest_file_has_800_lines(self):
        self.silent("int a;\n" * 800)
        self.fires("file-length", "int a;\n" * 801)

    def test_the_allow_list_may_only_shrink(self):
        long_file = "int a;\n" * 810
        allow = "tools/lint-allow.txt"
        self.silent(long_file, **{allow: "# why\nfile-length src/io/file.cpp 810\n"})
        self.fires("file-length", long_file, **{allow: "file-length src/io/file.cpp 805\n"})
        stale = self.lint({"src/io/file.cpp": "int a;\n", allow: "\nfile-length src/io/file.cpp 810\n"})
        self.assertEqual(stale, [(allow, 2, "allow-list")])
        long_test = "TEST(A, B) {\n" + "  a();\n" * 70 + "}\n"
        self.silent(long_test, **{allow: "function-length src/io/file.cpp:A.B 72\n"})

    # ---- files

    def test_a_header_starts_with_pragma_once(self):
        self.fires("pragma-once", "#ifndef A\n#define A\n#endif\n", path="src/io/a.hpp")
        self.silent("// What it is.\n#pragma once\n", path="src/io/a.hpp")

    def test_every_source_has_a_target(self):
        self.fires("not-built", "", path="src/stray.cpp")
        self.fires("not-built", "", path="src/unknown/a.cpp")
        self.fires("not-built", "", path="src/io/main.cpp")
        self.fires("not-built", "", path="src/io/a.cc")
        self.fires("not-built", "", path="tests/unknown/a.cpp")
        self.fires("not-built", "", path="tests/fuzz/a_fuzz.cpp")
        self.silent("", path="src/cli/main.cpp")
        self.silent("", path="tests/fuzz/a_fuzz.cpp", **{"tests/fuzz/CMakeLists.txt": ""})

    def test_names_say_something(self):
        for path in ("src/io/util.cpp", "src/io/path_helpers.cpp", "src/common/a.hpp", "tests/fuzz/misc.txt",
                     "src/io/run_manager.hpp", "tools/helper.py"):
            rules = [rule for _, _, rule in self.lint({path: "#pragma once\n"})]
            self.assertIn("name", rules, path)
        self.silent("", path="src/io/utility_meter.cpp")

    def test_folders_go_three_deep(self):
        self.fires("depth", "", path="src/io/a/b/c/d.cpp")
        self.silent("", path="src/io/a/b/d.cpp")

    def test_large_files_stay_out(self):
        self.fires("blob", b"\0" * (256 * 1024 + 1), path="docs/picture.png")
        self.silent(b"\0" * (256 * 1024), path="docs/picture.png")

    def test_nothing_is_left_unfinished(self):
        self.fires("unfinished", "int a;  // TO" + "DO: more\n")
        self.fires("unfinished", "# FIX" + "ME\n", path="tools/run.sh")
        self.silent("We leave no TO" + "DO behind.\n", path="docs/rules.md")

    def test_no_path_of_one_machine(self):
        self.fires("machine-path", "a\nsee /wo" + "rk/main/x\n", path="docs/a.md", line=2)
        self.fires("machine-path", "/tmp/bash" + "_jobs.0/x\n", path="Makefile")
        self.silent("src/wo" + "rk/ and https://a.example/net" + "work/x\n", path="docs/a.md")

    def test_only_files_that_git_would_track_count(self):
        with tempfile.TemporaryDirectory() as root:
            base = pathlib.Path(root)
            (base / "build").mkdir()
            (base / "tools").mkdir()
            (base / "tools" / "layers.txt").write_text(LAYERS)
            (base / "build" / "a.bin").write_bytes(b"\0" * 300_000)
            (base / ".gitignore").write_text("/build/\n")
            (base / "b.bin").write_bytes(b"\0" * 300_000)
            subprocess.run(["git", "-C", root, "init", "-q"], check=True)
            self.assertEqual([f.path for f in lint.lint(root)], ["b.bin"])


if __name__ == "__main__":
    unittest.main()
