"""Fuzzing: ``python tests/fuzz/fuzz.py [--seconds N] [--seed N] [--atheris] [--work DIR] [target ...]``.

Every target runs in a process of its own for its share of the time. Without ``--atheris`` inputs are random mutations
of the seeds, blind ones and ones that know the grammar; the same seed makes the same inputs. With it coverage guides
them (``pip install '.[fuzz]'``). An input that breaks something, or takes too long, is written to the work folder; move
it to ``tests/fuzz/corpus/<target>-<what>`` once it is mended, so that the ordinary tests replay it for ever.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "unit" / "stack"))


def guided(name: str, seconds: int, work: Path) -> None:
    """Fuzz one target in this process with atheris; does not return."""
    import atheris

    with atheris.instrument_imports(include=["asterism"]):
        import fuzz_targets
        from seeds import seeds
        from whole_server import Worlds

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
    worlds = Worlds()
    atheris.Setup(arguments, lambda data: fuzz_targets.run(name, data, worlds))
    atheris.Fuzz()


def random_mutations(name: str, seconds: int, seed: int, work: Path) -> None:
    """Fuzz one target in this process without atheris; exits with 1 if something was found."""
    import driver

    driver.main(name, seconds, seed, work)


def main() -> int:
    """Run the targets one after the other; 1 if one of them found something."""
    from fuzz_targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations; by default another each time")
    parser.add_argument("--atheris", action="store_true", help="let coverage guide the mutations")
    parser.add_argument("--work", type=Path, default=Path(".cache/fuzz"), help="corpus and findings")
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], default=[])
    options = parser.parse_args()
    names = options.targets or list(TARGETS)
    seed = options.seed or int.from_bytes(os.urandom(3), "big")
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    broken = []
    end = time.monotonic() + options.seconds
    for number, name in enumerate(names):
        share = max(int((end - time.monotonic()) / (len(names) - number)), 1)
        if options.atheris:
            process = context.Process(target=guided, args=(name, share, work))
        else:
            process = context.Process(target=random_mutations, args=(name, share, seed, work))
        process.start()
        process.join()
        if process.exitcode != 0:
            print(f"{name}: BROKEN", flush=True)
            broken.append(name)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
