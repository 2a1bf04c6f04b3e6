"""What a model has to read stays within what was promised: counts, the same in every run."""

from importlib import import_module

import pytest

from bench.rows import count


@pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")
def test_tools_and_answers_hold_no_more_tokens_than_promised():
    counted = import_module("bench.figures.tokens").tokens(1)  # the tokenizer warns as it loads

    assert [row.figure for row in counted if not row.holds] == []
    assert len([row for row in counted if row.target]) >= 8


def test_a_count_beyond_its_target_would_show():
    assert not count("too much", 4_501, target=4_500, unit="tokens").holds
