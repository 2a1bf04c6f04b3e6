"""What is passed off as absent: only what nobody has, or needs."""

import importlib
import sys

import pytest

from server.spared import unsought, without


def test_what_is_installed_can_still_be_imported_where_it_is_not_sought(
    monkeypatch: pytest.MonkeyPatch,
):
    """Some releases of anyio do not work without sniffio."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)

    with unsought("colorsys"):
        assert importlib.import_module("colorsys")


def test_what_is_not_installed_is_not_looked_for():
    with unsought("nobody_has_this"):
        assert "nobody_has_this" in sys.modules
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("nobody_has_this")

    assert "nobody_has_this" not in sys.modules


def test_what_is_loaded_already_stays():
    with without("sys"):
        assert importlib.import_module("sys") is sys
