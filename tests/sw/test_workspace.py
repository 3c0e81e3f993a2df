"""Artefacts: made once, trusted only whole, never half-written."""

import pytest

from hubel.sw.workspace import Workspace


class Maker:
    """Writes ``text``, and counts how often it was asked."""

    def __init__(self, text: str = "whole"):
        self.text, self.calls = text, 0

    def __call__(self, path) -> None:
        self.calls += 1
        path.write_text(self.text)


@pytest.fixture
def work(tmp_path) -> Workspace:
    return Workspace(tmp_path / "new" / "folder")


def test_made_once(work):
    maker = Maker()
    assert work.make("a.txt", {"seed": 1}, maker)
    assert not work.make("a.txt", {"seed": 1}, maker)
    assert maker.calls == 1
    assert work["a.txt"].read_text() == "whole"


def test_the_next_process_reuses_it(work):
    work.make("a.txt", 1, Maker())
    assert not Workspace(work.folder).make("a.txt", 1, Maker("other"))


def test_other_inputs_make_another(work):
    work.make("a.txt", {"seed": 1}, Maker())
    assert work.make("a.txt", {"seed": 2}, Maker("other"))
    assert work["a.txt"].read_text() == "other"


@pytest.mark.parametrize("damage", ["edited", "wh", ""])
def test_a_file_that_was_changed_is_not_trusted(work, damage):
    work.make("a.txt", 1, Maker())
    work["a.txt"].write_text(damage)
    assert work.make("a.txt", 1, Maker())
    assert work["a.txt"].read_text() == "whole"


def test_a_file_that_is_gone_is_made_again(work):
    work.make("a.txt", 1, Maker())
    work["a.txt"].unlink()
    assert work.make("a.txt", 1, Maker())


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_maker_leaves_what_was_there(work, error):
    def interrupted(path):
        path.write_text("ha")
        raise error

    with pytest.raises(error):
        work.make("a.txt", 1, interrupted)
    assert list(work.folder.iterdir()) == []
    work.make("a.txt", 1, Maker())
    with pytest.raises(error):
        work.make("a.txt", 2, interrupted)
    assert work["a.txt"].read_text() == "whole"
    assert not work.make("a.txt", 1, Maker("other"))


@pytest.mark.parametrize("stamps", ["{", "[]", '{"a.txt": 7}'])
def test_broken_stamps_are_no_stamps(work, stamps):
    work.make("a.txt", 1, Maker())
    (work.folder / ".stamps.json").write_text(stamps)
    assert work.make("a.txt", 1, Maker())
    assert not work.make("a.txt", 1, Maker())


def test_digest_follows_the_bytes(work):
    work.make("a.txt", 1, Maker())
    before = work.digest("a.txt")
    work["a.txt"].write_text("edited")
    assert work.digest("a.txt") != before


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        Workspace(tmp_path / "file" / "folder")
