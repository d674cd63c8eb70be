"""The corpus of attacks: none succeeds in a sandbox, honest neighbours pay for none, and what looks for their traces finds them."""

import base64
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, nullcontext

import psutil
import pytest

from autograder.reporting.report import Mark, Outcome, Report, Status
from autograder.sandbox import levels
from tests.attacks import watch
from tests.attacks.corpus import FAMILIES, attacks, read
from tests.attacks.run import Result, run, table

CORPUS = {str(attack): attack for attack in attacks()}
WALLS = {  # the attacks that the tests grade, one for each wall; `make attacks` grades all
    "forging": "agent_rewritten held_out_images_known neighbours_checkpoint_linked odd_tensors replies_replaced tracing",
    "reading": "environment_of_others hidden_suite links_to_everything memory_of_the_grader network",
    "tampering": "gradebook_rows limits_of_the_grader own_results places_of_the_system signals startup_files",
    "exhausting": "daemons disk fork_bomb loop_in_c memory_balloon no_way_to_end print_flood",
    "malformed": "folder_is_a_link giant lone_surrogates other_json timestamp_forged",
}
ATTACKS = [CORPUS[f"{family}/{name}"] for family, names in WALLS.items() for name in names.split()]
UNSAFE = [  # one for each way; the others succeed, too: `python -m tests.attacks --level none`
    *("reading/neighbours_work", "reading/hidden_suite", "reading/environment_of_others", "reading/network"),
    *("tampering/gradebook_rows", "tampering/startup_files", "tampering/places_of_the_system"),
]
JOBS = 3  # much of the time is spent waiting for time limits
LEAST = {"forging": 20, "reading": 12, "tampering": 10, "exhausting": 14, "malformed": 14}
SECRET = "decoy0123456789abcdef01234567"
LEVELS = ("bubblewrap", "landlock")


# --- all of them, graded in one run --------------------------------------------------------------------


def progress(request):
    """Return a function that shows a line at once where a terminal is there for it."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(line):
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            print(line, flush=True)

    return say


@pytest.fixture(scope="module")
def graded(request):
    """All attacks at the strongest level of this machine, an honest neighbour after each family."""
    why = {level: levels.unusable(level) for level in LEVELS}
    level = next((level for level in LEVELS if why[level] is None), None)
    if level is None:
        pytest.skip(f"there is no sandbox on this machine: {why}")
    return run(ATTACKS, level, jobs=JOBS, say=progress(request))


@pytest.fixture(scope="module")
def unprotected(request):
    """Attacks that only the sandbox stops, without one."""
    return run([CORPUS[name] for name in UNSAFE], "none", jobs=JOBS, say=progress(request))


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_attack_achieves_nothing(graded, attack):
    """The attack gains no point, learns and changes nothing, takes no more than its share, and leaves nothing behind."""
    (result,) = (result for result in graded if (result.family, result.name) == (attack.family, attack.name))
    assert not result.reasons, result.log[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_honest_neighbours_pay_for_none(graded, family):
    """An honest submission that is graded after the attacks gets what it gets alone."""
    neighbours = [result for result in graded if result.family == family and not result.name]
    assert neighbours
    assert not [result.reasons for result in neighbours if result.reasons]


@pytest.mark.slow
@pytest.mark.parametrize("name", UNSAFE)
def test_attack_succeeds_without_a_sandbox(unprotected, name):
    """What only the sandbox stops is seen to succeed without it, so that being held means something."""
    (result,) = (result for result in unprotected if f"{result.family}/{result.name}" == name)
    assert CORPUS[name].needs_sandbox
    assert result.reasons


# --- the corpus ----------------------------------------------------------------------------------------


def test_corpus_covers_every_family():
    """Each family has its number of attacks, and no two attacks hand in under one name."""
    found = {family: sum(attack.family == family for attack in CORPUS.values()) for family in FAMILIES}
    assert all(found[family] >= LEAST[family] for family in FAMILIES), found
    assert len({attack.student for attack in CORPUS.values()}) == len(CORPUS)


@pytest.mark.parametrize("attack", CORPUS.values(), ids=str)
def test_attack_says_what_it_tries(attack):
    """An attack is described in one sentence, on one line."""
    assert attack.sentence.endswith(".")
    assert "\n" not in attack.sentence


def test_attack_is_read_from_its_file(tmp_path):
    """Code, place, base and what is expected come from the file; nothing of a cell is run."""
    path = tmp_path / "exhausting" / "loop.py"
    path.parent.mkdir()
    path.write_text('"""Loops."""\n\nPLACE = "encoder"\nSAID = "time"\nraise SystemExit\n')
    attack = read(path)
    assert (attack.sentence, attack.place, attack.said, attack.submission) == ("Loops.", "encoder", "time", None)
    assert (attack.base, attack.costs, attack.dangerous) == ("right", ("encoder",), True)
    assert attack.code == path.read_text()


def test_dangerous_attacks_are_refused_without_a_sandbox():
    """What would harm the machine is not run where nothing holds it, unless that is asked for."""
    with pytest.raises(ValueError, match="exhausting/fork_bomb.*: would harm a machine without a sandbox"):
        run(CORPUS.values(), "none")


def test_table_counts_by_family():
    """The table has a line a family and one for all, and says why an attack succeeded."""
    results = [
        Result("forging", "nan_answers", (), 1.0, ""),
        Result("forging", "tracing", ("scores 3 of 8",), 2.0, "log"),
        Result("forging", "", (), 4.0, ""),
    ]
    lines = table(results).splitlines()
    assert lines[1].split() == ["forging", "2", "1", "1", "of", "1", "7"]
    assert lines[6].split() == ["all", "2", "1", "1", "of", "1", "7"]
    assert lines[7:] == ["forging/tracing: scores 3 of 8"]


# --- what looks for traces -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        SECRET[::-1],
        SECRET.encode().hex(),
        *(base64.b64encode(before * b"x" + SECRET.encode() + b"yz").decode() for before in range(4)),
        " ".join(SECRET),
        "\\n".join(SECRET),
    ],
    ids=["plain", "reversed", "hex", "base64", "base64+1", "base64+2", "base64+3", "apart", "a line each"],
)
def test_finder_knows_a_secret_in_every_form(tmp_path, written):
    """A secret is found however it is written, and named."""
    path = tmp_path / "page.html"
    path.write_text(f"<p>{written}</p>")
    assert watch.Finder({"the key": SECRET, "another": "decoyffff"}).found([path]) == ["the key"]


def test_finder_is_silent_about_other_texts(tmp_path):
    """Texts of the same alphabet are no secret."""
    (tmp_path / "log").write_text(f"{SECRET[:-1]} {base64.b64encode(bytes(1000)).decode()} {'ab' * 1000}")
    assert watch.Finder({"the key": SECRET}).found([tmp_path / "log"]) == []


@pytest.mark.parametrize(
    "page",
    [
        "<script>attack()</script>",
        "<img src=x onerror='attack()'>",
        "<a href=' javascript:attack()'>x</a>",
        "<img src='http://attack.example/x.png'>",
        "<style>@import url(http://attack.example/x.css)</style>",
    ],
)
def test_active_content_is_found(page):
    """What a browser would run or fetch for an attack is found in a page."""
    assert watch.active(f"<html><body><p>{page}</p></body></html>")


@pytest.mark.parametrize("page", ["<p>attack()</p>", "<pre>&lt;script&gt;attack()</pre>", "<script>typeset()</script>"])
def test_inactive_content_is_left_alone(page):
    """Text that only shows a script, and the page's own scripts, are none of an attack."""
    assert watch.active(page) == []


def test_changes_of_files_are_seen(tmp_path):
    """Content, mode, time, links and special files all belong to a file's fingerprint."""
    (tmp_path / "a").write_text("x")
    before = watch.fingerprint(tmp_path / "a")
    (tmp_path / "a").chmod(0o600)
    mode = watch.fingerprint(tmp_path / "a")
    os.utime(tmp_path / "a", (1, 1))
    assert len({before, mode, watch.fingerprint(tmp_path / "a")}) == 3
    (tmp_path / "link").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "fifo")
    assert {path.name for path in watch.files(tmp_path)} == {"a", "link", "fifo"}
    assert watch.fingerprint(tmp_path / "link") != watch.fingerprint(tmp_path / "fifo")


def test_changes_of_others_rows_are_seen(tmp_path):
    """Of a gradebook, a submission's own rows may change, and nothing else; triggers count."""
    path = tmp_path / "gradebook.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "create table student (id text, name text);"
            "create table submitted_assignment (id text, student_id text);"
            "create table submitted_notebook (id text, assignment_id text);"
            "create table grade (id text, notebook_id text, score real);"
            "insert into student values ('ada', 'A'), ('eve', 'E');"
            "insert into submitted_assignment values ('a1', 'ada'), ('e1', 'eve');"
            "insert into submitted_notebook values ('a2', 'a1'), ('e2', 'e1');"
            "insert into grade values ('a3', 'a2', 1), ('e3', 'e2', 0);"
        )

        def after(*statements):
            for statement in statements:
                database.execute(statement)
            database.commit()
            return watch.rows_of_others(path, "eve")

        before = watch.rows_of_others(path, "eve")
        assert after("update grade set score = 8 where id = 'e3'") == before
        changed = after("update grade set score = 8 where id = 'a3'")
        trigger = after("create trigger t after insert on grade begin update grade set score = 8; end")
    assert before != changed != trigger


def test_processes_left_running_are_ended_and_named():
    """A child that does not end by itself is named and killed; what ends in time is not."""
    program = (
        "import subprocess, sys\n"
        "children = [subprocess.Popen(['sleep', seconds]) for seconds in ('0.2', '1000')]\n"
        "print('started', flush=True)\n"
        "print([child.wait() for child in children])"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as grader:
        assert grader.stdout.readline() == "started\n"
        assert watch.left_running(grader.pid, patience_s=1) == ["sleep sleep 1000"]
        assert grader.stdout.readline() == "[0, -9]\n"


def test_memory_peak_is_that_since_the_last_reset():
    """What a process took and gave back shows in its peak."""
    program = "import sys\nfor _ in sys.stdin:\n    x = bytearray(2**28)\n    del x\n    print(flush=True)"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        while "python" not in psutil.Process(process.pid).name():
            time.sleep(0.01)
        before = watch.memory_peak_mib(process.pid, reset=True)
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        assert 250 < watch.memory_peak_mib(process.pid) - before < 300
        process.stdin.close()


# --- what is judged ------------------------------------------------------------------------------------

ATTACK = CORPUS["forging/nan_answers"]
REFUSED = CORPUS["malformed/cut_off"]
LOOP = CORPUS["exhausting/loop_in_a_call"]


def report(error="", message="", **scores):
    """Return a report with exercises of three points each."""
    marks = {cell: Mark(points=3, score=score) for cell, score in scores.items()}
    outcomes = [
        Outcome(cell=cell, test="t", status=Status.FAILED, credit=0, weight=1, sentence="", message=message)
        for cell, score in scores.items()
        if score != 3
    ]
    return Report(student="s", assignment="vae", notebook="vae", marks=marks, outcomes=outcomes, error=error)


@pytest.mark.parametrize(
    ("attack", "found", "reason"),
    [
        (ATTACK, report(elbo=0), None),
        (ATTACK, report(elbo=1), "scores 1 of 3; without the attack 0"),
        (ATTACK, report(elbo=None), "not graded"),
        (ATTACK, report(elbo=0, error="Traceback\nKeyError: 'x'"), "an error of the grader: KeyError: 'x'"),
        (REFUSED, report(elbo=0), "is graded: 0 of 3"),
        (LOOP, report(elbo=3, kl_standard_normal=0, message="kl_standard_normal did not return within 2 s"), None),
        (LOOP, report(elbo=3, kl_standard_normal=0, message="wrong"), "the report does not say"),
        (
            LOOP,
            report(elbo=0, kl_standard_normal=0, message="kl_standard_normal did not return within 2 s"),
            "costs elbo",
        ),
    ],
)
def test_report_shows_what_an_attack_achieved(attack, found, reason):
    """A score, a lost point, a missing word, an error of the grader and a wrong state are each a reason; nothing else is."""
    reasons = watch.judge(attack, found, without=0 if attack is ATTACK else 6)
    assert (reasons == []) if reason is None else any(reason in one for one in reasons)
