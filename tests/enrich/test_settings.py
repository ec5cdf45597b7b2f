"""Settings: every one is known, in its range and explained; what is wrong is told in words."""

from pathlib import Path

import pytest

from enrich import settings
from enrich.words import UserError

PROJECT = Path(__file__).parents[2]
SECRET = "hunter2-never-to-be-seen"


def load(tmp_path, text="", **environment):
    file = tmp_path / "enrich.toml"
    file.write_text(text)
    return settings.load(file, environment)


def test_the_example_names_every_setting_and_has_its_default(tmp_path):
    file = PROJECT / "enrich.example.toml"
    given = settings.read_toml(file)
    example, default = load(tmp_path, file.read_text()), settings.Settings()
    for name in settings.setting_names():
        section, _, key = name.rpartition(".")
        value = getattr(getattr(example, section) if section else example, key)
        expected = getattr(getattr(default, section) if section else default, key)
        anchored = str(value).replace(f"{tmp_path}/", "") if value else value
        standard = str(expected).replace(f"{PROJECT}/", "") if expected else expected
        assert value == expected or anchored == standard, name
        named = given[section] if section else given
        assert key in named, f"{name} is not in the example"


def test_paths_start_at_the_file_and_the_environment_goes_before_it(tmp_path):
    text = 'export_root = "e"\n[location]\ndatabase = "c.mmdb"\nmax_age_days = 9\n'
    read = load(tmp_path, text, ENRICH_LOCATION_MAX_AGE_DAYS="5", ENRICH_TI_PROVIDERS="A, B")
    assert read.location.database == tmp_path / "c.mmdb"
    assert read.export_root == str(tmp_path / "e")
    assert read.location.max_age_days == 5 and read.ti.providers == ["A", "B"]
    remote = load(tmp_path, 'export_root = "abfss://c@a.dfs.core.windows.net/e/"')
    assert remote.report_url == "abfss://c@a.dfs.core.windows.net/e/report.html"
    assert load(tmp_path, "", ENRICH_LOCATION_DATABASE="x.mmdb").location.database == Path("x.mmdb")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_with_bom_and_crlf_is_read(tmp_path, encoding):
    file = tmp_path / "enrich.toml"
    file.write_bytes('export_root = "é"\r\n\r\n[whois]\r\nper_second = 3\r\n'.encode(encoding))
    read = settings.load(file, {})
    assert read.export_root == str(tmp_path / "é") and read.whois.per_second == 3


def test_a_file_in_another_encoding_is_told_without_its_text(tmp_path):
    (tmp_path / "enrich.toml").write_bytes(f"# {SECRET} \xe9\n".encode("latin-1"))
    with pytest.raises(UserError, match="enrich.toml cannot be read.*UTF-8") as error:
        settings.load(tmp_path / "enrich.toml", {})
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exportroot = 'x'", ["exportroot", "Did you mean export_root"]),
        ("[location]\ndatabse = 'x'", ["location.databse", "location.database"]),
        ("[whois]\nenabled = 'yes'", ["whois.enabled", "true or false"]),
        ("[ti]\nper_second = 0", ["ti.per_second", "above 0"]),
        ("[ti]\nproviders = 'A'", ["ti.providers", "list"]),
        ("[reverse_dns]\nport = 5.5", ["reverse_dns.port", "number"]),
        ("[feed]\nfile = 7", ["feed.file", "path"]),
        ("export_root = 7", ["export_root", "text"]),
        ("[push]\nledger = ''", ["push.ledger", "path"]),
        ("location = 'x'", ["location"]),
        ("[broken", ["cannot be read"]),
        ("[ti]\nbatch = true", ["ti.batch", "whole number"]),
        ("[ti]\nproviders = ['A', 1]", ["ti.providers", "list of texts"]),
        ("[asn]\nmax_age_days = nan", ["asn.max_age_days", "number"]),
        ("[push]\nbookmarks = -1", ["push.bookmarks", "0 or more"]),
        ("[push]\nchunk_bytes = 2000000", ["push.chunk_bytes", "at most 1000000"]),
        ("[push]\nmost_attempts = 0", ["push.most_attempts", "above 0"]),
        ("[push]\ntimeout_seconds = 0", ["push.timeout_seconds", "above 0"]),
        ("[push]\ndry_run = true", ["push.dry_run", "no setting"]),
        ("report_links = ['http://a.example/{address}']", ["report_links", "https://"]),
        ("report_links = ['https://a.example/']", ["report_links", "{address}"]),
        ("[wois]\nenabled = true", ["wois", "Did you mean whois"]),
    ],
)
def test_a_setting_that_cannot_be_right_is_named_with_the_cure(tmp_path, text, words):
    with pytest.raises(UserError) as error:
        load(tmp_path, text)
    assert all(word in str(error.value) for word in [*words, "enrich.toml"])


def test_a_misspelt_variable_is_named_and_a_secret_in_the_settings_is_refused_unseen(tmp_path):
    with pytest.raises(UserError, match="ENRICH_WHOIS_ENABLE,"):
        load(tmp_path, ENRICH_WHOIS_ENABLE="true")
    for text in (f"[ti]\napi_key = '{SECRET}'", f"client_secret = '{SECRET}'"):
        with pytest.raises(UserError, match="Secrets do not belong there") as error:
            load(tmp_path, text)
        assert SECRET not in str(error.value)


def test_everything_that_is_wrong_is_told_at_once_and_no_secret_in_a_list(tmp_path):
    text = f"[ti]\nbatch = 0\nproviders = {{ key = '{SECRET}' }}\n[feed]\nfile = 7"
    with pytest.raises(UserError) as error:
        load(tmp_path, text)
    lines = str(error.value).splitlines()
    assert len(lines) == 3 and SECRET not in str(error.value)
    for name in ("ti.batch", "ti.providers", "feed.file"):
        assert any(name in line for line in lines)


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("ENRICH_WHOIS_ENABLED", "perhaps", ["whois.enabled", "true or false"]),
        ("ENRICH_TI_BATCH", "two", ["ti.batch", "whole number"]),
        ("ENRICH_TI_PER_SECOND", "0", ["ti.per_second", "above 0"]),
        ("ENRICH_TI_PER_SECOND", "inf", ["ti.per_second", "below"]),
        ("ENRICH_PUSH_LEDGER", "", ["push.ledger", "path"]),
    ],
)
def test_a_variable_that_cannot_be_right_is_named_with_the_cure(tmp_path, variable, text, words):
    with pytest.raises(UserError) as error:
        load(tmp_path, **{variable: text})
    assert all(word in str(error.value) for word in [*words, "environment"])


def test_a_variable_overrides_only_its_own_setting(tmp_path):
    text = "[whois]\nenabled = true\nper_second = 7\n"
    read = load(tmp_path, text, ENRICH_WHOIS_PER_SECOND="3", ENRICH_WHOIS_LIFETIME_DAYS="0")
    assert (read.whois.enabled, read.whois.per_second, read.whois.lifetime_days) == (True, 3, 0)
    assert load(tmp_path, text, ENRICH_WHOIS_ENABLED="False").whois.enabled is False


def test_a_feed_is_a_path_or_a_list_of_paths(tmp_path):
    here = [tmp_path / "a.csv", tmp_path / "b.csv"]
    assert load(tmp_path, '[feed]\nfile = "a.csv"\n').feed.file == here[:1]
    assert load(tmp_path, '[feed]\nfile = ["a.csv", "b.csv"]\n').feed.file == here
    assert load(tmp_path, '[feed]\nfile = ""\n').feed.file == []
    assert load(tmp_path, ENRICH_FEED_FILE="x.csv, y.csv").feed.file == [
        Path("x.csv"),
        Path("y.csv"),
    ]
    for wrong in ("3", '["a.csv", 3]', "true"):
        with pytest.raises(UserError, match="feed.file"):
            load(tmp_path, f"[feed]\nfile = {wrong}\n")
