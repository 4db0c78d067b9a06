"""Coverage-guided fuzzing of the stack: ``python tests/fuzz/fuzz.py [--seconds N] [--work DIR] [target ...]``.

Needs atheris (``pip install '.[fuzz]'``). Every target runs in a process of its own for its share of the time. An
input that breaks something is written to the work folder; move it to ``tests/fuzz/corpus/<target>-<what>`` once it is
mended, so that the ordinary tests replay it for ever.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from pathlib import Path


def fuzz(name: str, seconds: int, work: Path) -> None:
    """Fuzz one target in this process; does not return."""
    import atheris

    with atheris.instrument_imports(include=["asterism"]):
        import fuzz_targets
        from seeds import seeds

    corpus = work / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(data)
    arguments = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={seconds}",
        "-max_len=8192",
        "-timeout=5",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={work}/{name}-found-",
    ]
    atheris.Setup(arguments, lambda data: fuzz_targets.run(name, data))
    atheris.Fuzz()


def main() -> int:
    """Run the targets one after the other; 1 if one of them found something."""
    from fuzz_targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--work", type=Path, default=Path(".cache/fuzz"), help="corpus and findings")
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], default=[])
    options = parser.parse_args()
    names = options.targets or list(TARGETS)
    context = multiprocessing.get_context("spawn")
    broken = []
    for name in names:
        process = context.Process(target=fuzz, args=(name, max(options.seconds // len(names), 1), options.work))
        process.start()
        process.join()
        print(f"{name}: {'ok' if process.exitcode == 0 else 'BROKEN'}", flush=True)
        if process.exitcode != 0:
            broken.append(name)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
