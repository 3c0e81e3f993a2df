"""What is there, what is not, and what installs it."""

from importlib import metadata

from hubel.sw.doctor import doctor


def test_without_a_path_tools_are_missing_with_their_mend(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {f.name: f for f in doctor()}
    assert findings["g++"].version is None
    assert findings["g++"].mend == "sudo apt-get install g++"
    assert not findings["g++"].optional
    assert findings["verilator"].version is None
    assert findings["icarus"].mend == (
        "iverilog 11 or newer not found: sudo apt-get install iverilog"
    )
    assert findings["icarus"].optional
    assert findings["iceprog"].optional


def test_versions_are_those_of_the_packages():
    findings = {f.name: f for f in doctor()}
    assert findings["amaranth"].version == metadata.version("amaranth")
    assert findings["amaranth"].mend is None


def test_a_missing_package_has_its_extra(monkeypatch):
    version = metadata.version

    def missing(name):
        if name in ("scikit-learn", "amaranth", "faery"):
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", missing)
    findings = {f.name: f for f in doctor()}
    assert findings["scikit-learn"].version is None
    assert findings["scikit-learn"].mend == "pip install 'hubel[train]'"
    assert findings["amaranth"].mend == "pip install 'hubel'"
    assert findings["faery"].mend == "pip install 'hubel[events]'"
    assert findings["faery"].optional
