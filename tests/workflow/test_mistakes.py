"""What is wrong with the disk or the clock is told apart, in one line with the cure."""

from __future__ import annotations

import pytest

from earmark.workflow.mistakes import AGAIN, ONCE_MENDED, advice, in_one_line

SKEW = (
    'WorkflowError in rule summarize in file "rules/report.smk", line 11:\n'
    "Output results/summary.csv has older modification time (2026-11-29 02:30:07.336479) than input "
    "results/gtzan_dart_0.5.json (2026-12-01 02:29:36.445890). This could indicate a clock skew problem in your network"
)
CLOSED = "Traceback (most recent call last):\n  os.remove(file)\nOSError: [Errno 30] Read-only file system: 'results/summary.csv'"
FULL = "InputFunctionException in rule answer:\nError:\n  OSError: [Errno 28] No space left on device\nWildcards:\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            SKEW,
            "error: results/gtzan_dart_0.5.json is dated 2026-12-01 02:29:36, ahead of this machine's clock",
        ),
        (CLOSED, "error: results/summary.csv cannot be written (read-only file system); make it writable"),
        (FULL, "error: no space left on the disk; free some space and run the same command again"),
        ("UserError in x:\n    UserError: a: no", "error: a: no"),
        (
            'SyntaxError in file "/a b/c.py", line 35:\ninvalid syntax:\ndfe x\n  File "/d", line 7, in <module>',
            "error: /a b/c.py:35: invalid syntax; mend this line of code",
        ),
        (
            'IndentationError in file "/a/c.py", line 3:\nunexpected indent:\n  x\n',
            "error: /a/c.py:3: unexpected indent; mend this line of code",
        ),
        ('SyntaxError in file "/a/c.smk", line 3:', 'SyntaxError in file "/a/c.smk", line 3:'),
        ("Something else", "Something else"),
    ],
)
def test_an_error_of_the_machine_is_one_line(text, said):
    line = in_one_line(text)
    assert line.startswith(said) and "\n" not in line


@pytest.mark.parametrize(
    ("text", "said"), [(SKEW, ONCE_MENDED), (CLOSED, ONCE_MENDED), (FULL, AGAIN), ("", AGAIN)]
)
def test_the_same_command_is_advised_where_it_would_go_on(text, said, tmp_path):
    log = tmp_path / "log"
    log.write_text(text)
    assert advice([str(log)]) == said
    assert advice([str(tmp_path / "gone")]) == AGAIN
