"""The command `seqbench`: finds the verb and turns errors into lines and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module, metadata

from seqbench.errors import SeqbenchError, Stopped

VERBS = {
    "train": ("seqbench.verbs.train:main", "train one model on one dataset"),
    "sweep": ("seqbench.verbs.sweep:main", "every run of a study, then its report"),
    "evaluate": ("seqbench.verbs.evaluate:main", "a finished run again, on any split or file"),
    "predict": ("seqbench.verbs.predict:main", "what a finished run says to a text"),
    "report": ("seqbench.verbs.report:main", "tables, tests and figures from records"),
    "benchmark": ("seqbench.verbs.benchmark:main", "speed against a bare PyTorch loop"),
    "publish": ("seqbench.verbs.publish:main", "offline W&B runs synced, and the W&B report"),
}
_MULTIRUN = {"-m", "--multirun"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `seqbench <verb> …`.

    Args:
        argv: arguments after the program's name; those of the process by default.

    Returns:
        The verb's own exit code; 2 for a user's error, 130 after Ctrl-C, 143 after SIGTERM, 138
        after SIGUSR1, 141 for a closed pipe.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except SeqbenchError as error:
        if os.environ.get("SEQBENCH_DEBUG") == "1":
            raise
        for line in error.line().splitlines():
            print(f"seqbench: {line}", file=sys.stderr)
        return 2
    except Stopped as stop:
        print(f"seqbench: interrupted by {stop.signal.name}", file=sys.stderr)
        return stop.exit_code
    except KeyboardInterrupt:
        print("seqbench: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has left; what is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if arguments[0] in ("-V", "--version"):
        print(f"seqbench {metadata.version('seqbench')}")
        return 0
    verb, rest = arguments[0], arguments[1:]
    if verb not in VERBS:
        raise _unknown_verb(verb)
    if verb == "train" and _MULTIRUN & set(rest):
        verb = "sweep"
    if verb == "sweep":
        rest = [item for item in rest if item not in _MULTIRUN]
    if {"-h", "--help"} & set(rest):
        print(import_module("seqbench.config.help").verb_help(verb, VERBS[verb][1]))
        return 0
    # Hydra's errors are to reach us, not to be printed by it; a user's own modules lie here.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    module, _, function = VERBS[verb][0].partition(":")
    return int(getattr(import_module(module), function)(rest))


def _overview() -> str:
    width = max(map(len, VERBS))
    verbs = [f"  {name:<{width}}  {line}" for name, (_, line) in VERBS.items()]
    return "\n".join(
        [
            "seqbench: which sequence architecture is better, by how much, at what cost?",
            "",
            "usage: seqbench <verb> [key=value …] [flags]",
            "",
            *verbs,
            "",
            "seqbench <verb> --help names its options; for a start:",
            "  seqbench train model=gru data=docstrings",
            "  seqbench sweep experiments=quickstart",
        ]
    )


def _unknown_verb(verb: str) -> SeqbenchError:
    near = get_close_matches(verb, VERBS, n=1)
    remedy = f"did you mean {near[0]}?" if near else "see seqbench --help"
    return SeqbenchError("verb", expected=f"one of {', '.join(VERBS)}", got=verb, remedy=remedy)


if __name__ == "__main__":
    sys.exit(main())
