"""When a submission was handed in: what its timestamp.txt says, in every form and time zone, held against the times of its files.

A file's time is evidence only where no copying explains it. Programs that collect or unpack submissions give all files of a submission the
time of the copy; a file that was written on this machine has the time of that. In both cases timestamp.txt counts, and no student is told
that it is wrong.
"""

import re
import stat
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nbgrader.utils import parse_utc

from autograder.intake.folder import Folder, notebooks

SMALL_LIMIT = 1024  # bytes of a timestamp or a secret
TOLERANCE = timedelta(minutes=1)  # between a notebook's last change and its timestamp, and between clocks
COPYING = timedelta(minutes=10)  # in which all files of a submission are copied or unpacked
WRITTEN = timedelta(minutes=2)  # between the time of a file that was written here, and its arrival here
FARTHEST = timedelta(hours=14)  # of a time zone from UTC
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ]+(\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,6})\d*)?\s*(.*)", re.DOTALL)
OFFSET = re.compile(r"(?:UTC|GMT|Z)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?(?::?[0-5]\d)?", re.IGNORECASE)
PLACE = re.compile(r"[A-Za-z_]+(/[A-Za-z0-9_+-]+){1,2}")
# the abbreviations of the time zone database, and some that only people use: minutes east of UTC; more than one where several are usual
ZONES = {
    **{"Z": (0,), "UTC": (0,), "GMT": (0,), "WET": (0,), "WEST": (60,), "BST": (60,), "CET": (60,), "CEST": (120,)},
    **{"MEZ": (60,), "MESZ": (120,), "MET": (60,), "MEST": (120,), "EET": (120,), "EEST": (180,), "MSK": (180,)},
    **{"MSD": (240,), "TRT": (180,), "IDT": (180,), "IST": (60, 120, 330), "WAT": (60,), "CAT": (120,), "SAST": (120,)},
    **{"EAT": (180,), "AST": (-240,), "ADT": (-180,), "EST": (-300,), "EDT": (-240,), "CST": (-360, 480)},
    **{"CDT": (-300,), "MST": (-420,), "MDT": (-360,), "PST": (-480,), "PDT": (-420,), "AKST": (-540,)},
    **{
        "AKDT": (-480,),
        "HST": (-600,),
        "HDT": (-540,),
        "NST": (-210,),
        "NDT": (-150,),
        "BRT": (-180,),
        "BRST": (-120,),
    },
    **{"ART": (-180,), "CLT": (-240,), "CLST": (-180,), "COT": (-300,), "PET": (-300,), "VET": (-240,), "UYT": (-180,)},
    **{"GST": (240,), "IRST": (210,), "IRDT": (270,), "PKT": (300,), "PKST": (360,), "NPT": (345,), "BDT": (360,)},
    **{"ICT": (420,), "WIB": (420,), "WITA": (480,), "WIT": (540,), "SGT": (480,), "MYT": (480,), "PHT": (480,)},
    **{"HKT": (480,), "JST": (540,), "KST": (540,), "AWST": (480,), "AWDT": (540,), "ACST": (570,), "ACDT": (630,)},
    **{"AEST": (600,), "AEDT": (660,), "CHST": (600,), "NZST": (720,), "NZDT": (780,), "SST": (-660,)},
}


class Arrival(NamedTuple):
    """When a submission was handed in, in UTC without a zone; None: unknown.

    `remark` says where that is not what timestamp.txt says, or what the times of the files say against it. `counts` names which counts
    then, "notebook" or "timestamp". `copied`: all files have about one time, so that a copy explains what the remark says.
    """

    time: datetime | None
    remark: str = ""
    counts: str = "timestamp"
    copied: bool = False


def submission_time(folder: Folder, names: Collection[str], trusted: bool = False) -> Arrival:
    """Return when a submission was handed in.

    Its timestamp counts, unless it names no time or one still to come, or the notebook is newer and no copying explains that: then the
    notebook's last change does. Without timestamp.txt there is no time, as nbgrader has it.

    Args:
        folder: of the submission.
        names: of the release's notebooks.
        trusted: whether every timestamp that names a time counts, without a remark.
    Raises:
        Refused: the folder cannot be opened.
    """
    if folder.status("timestamp.txt") is None:
        return Arrival(None)
    now = datetime.now(UTC).replace(tzinfo=None)
    newest = max(_regular(folder, _submitted(folder, names)), key=lambda info: _changed(info, now), default=None)
    changed = None if newest is None else _changed(newest, now)
    try:
        text = folder.read("timestamp.txt", SMALL_LIMIT).decode("utf-8-sig")
        (own,) = _regular(folder, ["timestamp.txt"])
        said = _choose(readings(text), now, changed, _changed(own, now))
    except Exception:  # a link, a device, any text: whatever was put there, and whatever a parser makes of it
        said = None
    if said is not None and (trusted or changed is None and said <= now + TOLERANCE):
        return Arrival(said)
    if said is None:
        problem = "timestamp.txt names no time"
    elif said > now + TOLERANCE:
        problem = f"timestamp.txt names {_utc(said)}, which is still to come"
    elif newest is None or changed is None or said >= changed - TOLERANCE:
        return Arrival(said)
    else:
        copied = _copied(folder, changed, said, now)
        if copied or _arrived(newest) - changed < WRITTEN:
            remark = f"the times disagree: timestamp.txt names {_utc(said)}, the notebook's file {_utc(changed)}; timestamp.txt counts."
            return Arrival(said, remark, copied=copied)
        problem = f"timestamp.txt names {_utc(said)}, but the notebook was changed after that"
    if changed is None:
        return Arrival(None)  # there is no notebook that could be late
    return Arrival(changed, f"{problem}: the time of the notebook counts, {_utc(changed)}.", "notebook")


def readings(text: str) -> list[datetime]:
    """Return the times in UTC, without a zone, that the text of a timestamp.txt may mean.

    Raises:
        ValueError: it names no time. Where it is no ISO date, nbgrader's parser may raise anything.
    """
    text = re.sub(r"\s*\([^()]*\)$", "", text.strip().strip("\0").strip()).replace("\N{MINUS SIGN}", "-")
    if found := MOMENT.fullmatch(text):
        day, clock, fraction, zone = found.groups()
        moment = datetime.fromisoformat(f"{day}T{clock}") + timedelta(microseconds=int((fraction or "0").ljust(6, "0")))
    else:
        rest, _, zone = text.rpartition(" ")
        moment, zone = (parse_utc(rest), zone) if zone.upper() in ZONES else (parse_utc(text), "")
    if not 1970 <= moment.year < 3000:
        raise ValueError(f"{moment.year}: expected a year from 1970 on")
    return [moment - offset for offset in _offsets(zone, moment)]


def _offsets(zone: str, moment: datetime) -> list[timedelta]:
    """Return how far the clocks of a zone may have been ahead of UTC."""
    if not zone:
        return [timedelta(0)]
    if found := OFFSET.fullmatch(zone):
        sign, hours, minutes = found.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset > FARTHEST:
            raise ValueError(f"{zone}: no time zone is so far from UTC")
        return [-offset if sign == "-" else offset]
    if PLACE.fullmatch(zone):
        place = ZoneInfo(zone)  # an hour that comes twice is both
        return [moment.replace(tzinfo=place, fold=fold).utcoffset() or timedelta(0) for fold in (0, 1)]
    here = moment.astimezone()  # an abbreviation of the course's own zone means that one
    if here.tzname() == zone:
        return [here.utcoffset() or timedelta(0)]
    if zone.upper() not in ZONES:
        raise ValueError(f"{zone}: not a known time zone")
    return [timedelta(minutes=minutes) for minutes in ZONES[zone.upper()]]


def _choose(times: Collection[datetime], now: datetime, changed: datetime | None, own: datetime) -> datetime:
    """Return what a timestamp means: the time at which timestamp.txt itself was written, if that is one of its meanings.

    Else the earliest that is not still to come and that the notebook does not contradict, which is best for the student.
    """
    if exact := [time for time in times if abs(time - own) <= TOLERANCE]:
        return min(exact)
    past = [time for time in times if time <= now + TOLERANCE]
    return min([time for time in past if changed is None or time >= changed - TOLERANCE] or past or times)


def _submitted(folder: Folder, names: Collection[str]) -> list[str]:
    """Return the files that are or may be the submission's notebooks."""
    files = [name for name in names if folder.status(name) is not None]
    return files if len(files) == len(names) else files + notebooks(folder.paths(), names)


def _regular(folder: Folder, paths: Collection[str]) -> list:
    """Return what is known of those of these paths that are regular files."""
    return [info for path in paths if (info := folder.status(path)) and stat.S_ISREG(info.st_mode)]


def _copied(folder: Folder, changed: datetime, said: datetime, now: datetime) -> bool:
    """Return whether all files have about the time of the notebook, timestamp.txt as well: that of a copy, which says nothing."""
    (own,) = _regular(folder, ["timestamp.txt"])
    if abs(_changed(own, now) - said) <= TOLERANCE:
        return False  # it was written when it says, and never copied without its time
    return all(abs(_changed(info, now) - changed) <= COPYING for info in (own, *_regular(folder, folder.walk())))


def _arrived(info) -> datetime:
    return datetime.fromtimestamp(max(info.st_ctime, 0), UTC).replace(tzinfo=None)


def _changed(info, now: datetime) -> datetime:
    """Return when a file was last changed: of a time still to come, when it came here; nobody can set that."""
    seconds = info.st_mtime if info.st_mtime <= now.replace(tzinfo=UTC).timestamp() else info.st_ctime
    return min(datetime.fromtimestamp(max(seconds, 0), UTC).replace(tzinfo=None), now)


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
