"""The examples of docs/stack do what the pages say."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[3] / "docs" / "stack").glob("*.md"))


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_sessions_of_the_interpreter(page):
    text = "\n".join(blocks(page, "pycon"))
    if not text:
        return
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    failures = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    assert runner.run(examples, out=failures.append).failed == 0, "".join(failures)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_programs(page):
    programs, outputs = blocks(page, "python"), blocks(page, "text")
    for program, output in zip(programs, outputs, strict=True):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        # Ports are whatever is free.
        assert re.sub(r"\d{5}", "40000", done.stdout) == re.sub(r"\d{5}", "40000", output)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_code_stands_where_it_is_not_run(page):
    text = re.sub(r"^```(pycon|python|text|mermaid)\n.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert not re.findall(r"^(?: {4}\S.*|```.*)$", text, re.MULTILINE)
