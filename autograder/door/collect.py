"""`nbgrader zip_collect` for the archives of Canvas and Moodle: which student a file belongs to, and under which name it is kept.

    doejane_10482_775200_vae-1.ipynb                    Canvas; -1: handed in again
    roejohn_LATE_10533_775201_vae_k1_epochs30_seed0.safetensors
    Jane Doe_20311_assignsubmission_file_vae.ipynb      Moodle, with or without a folder for each student
    vae_ada_attempt_2026-01-30-15-00-00_vae.ipynb       Blackboard, which names the time

Flat files land beside each other in submitted/<student>/<assignment>/, where `intake` finds them. Their own times are kept: nbgrader
extracts and copies without, and every notebook would seem to be changed after its timestamp. A time that is only the archive's makes no
timestamp.txt, as it may be that of the download.
"""

import os
import re
import time
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin

KEPT = (".ipynb", ".safetensors", ".py", ".png", ".jpg", ".jpeg")
LEARNING_PLATFORM = (
    r".*?/(?:[^/]+?_(?=[^/_]+_attempt_))?(?P<student_id>[^/]+?)(?P<late>_LATE)?"
    r"(?:_(?P<number>[0-9]+)_(?:[0-9]+_|assignsubmission_file(?:_|(?=/)))|_attempt_(?P<timestamp>[0-9]{4}(?:-[0-9]{2}){5})_)"
    r"(?:[^/]*/)?(?P<file_id>.+)$"
)
AGAIN = re.compile(r"(?P<name>.+?)(?P<times>(?:-[0-9]+)+)")  # Canvas counts what is handed in again
TIMESTAMP = re.compile(r"(\d+-\d+-\d+)-(\d+)-(\d+)-(\d+)")

_transfer = ZipCollectApp._transfer_files


class Collector(FileNameCollectorPlugin):
    """Says of a file whose it is; `named_regexp` in nbgrader_config.py may name other forms."""

    _files: dict[str, dict] | None = None  # by path

    def collect(self, submitted_file: str) -> dict | None:
        """Return student, name and time of a file, None where it is not to be kept."""
        found = self._known(submitted_file)
        if found is None:
            return None
        if found.get("late"):
            self.log.warning("%s: handed in late, says its name", found["student_id"])
        if found["file"] != self._newest[found["student_id"], found["name"]]:
            self.log.warning("%s: left out, as it was handed in again", Path(submitted_file).name)
            return None
        kept = {key: value for key in ("student_id", "timestamp") if (value := found.get(key))}
        return kept | {"file_id": found["name"]}

    def _known(self, submitted_file: str) -> dict | None:
        """Return what is known of a file once all have been looked at: who has a name twice, and what was handed in again."""
        if self._files is None:
            self._look(Path(self.parent._format_collect_path(self.parent.extracted_directory)))
        return self._files.get(os.path.realpath(submitted_file))

    def _look(self, folder: Path) -> None:
        self._files, numbers = {}, {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            inside = path.relative_to(folder)
            hidden = any(part.startswith((".", "__MACOSX")) for part in inside.parts)
            found = self._match(f"/{inside.as_posix()}") if path.suffix in self.valid_ext and not hidden else None
            if found:
                self._files[os.path.realpath(path)] = found | {"file": path}
                numbers.setdefault(found["student_id"], set()).add(found.get("number"))
        self._newest, rank = {}, {}
        for path, found in self._files.items():
            if len(numbers[found["student_id"]]) > 1:  # two persons of one name
                found["student_id"] = f"{found['student_id']}_{found['number']}"
            found["name"], times = self._name(found["file"], found["file_id"])
            if found.get("timestamp"):
                found["timestamp"] = TIMESTAMP.sub(r"\1 \2:\3:\4", found["timestamp"])
            key, order = (found["student_id"], found["name"]), (found.get("timestamp") or "", times, path)
            if key not in rank or order > rank[key]:
                rank[key], self._newest[key] = order, found["file"]

    def _name(self, path: Path, name: str) -> tuple[str, list[int]]:
        """Return a file's name without the numbers that Canvas adds, and these."""
        kept = PurePosixPath(name if name.endswith(path.suffix) else name + path.suffix)
        released = {f.stem for f in self._released().glob("*.ipynb")}
        match = AGAIN.fullmatch(kept.stem)
        if match and (path.suffix == ".safetensors" or match["name"] in released):
            return str(kept.with_stem(match["name"])), [int(number) for number in match["times"].split("-")[1:]]
        return str(kept), []

    def _released(self) -> Path:
        coursedir = self.parent.coursedir
        return Path(coursedir.format_path(coursedir.release_directory, ".", coursedir.assignment_id))


class Extractor(ExtractorPlugin):
    """Extracts archives with the times of what is in them."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Extract, and set the times of files, none of them still to come."""
        super().extract(archive_path, extracted_path)
        for archive in Path(archive_path).rglob("*.zip"):
            folder = Path(extracted_path, archive.parent.relative_to(archive_path), archive.stem)
            with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(archive) as content:
                for entry in content.infolist():
                    changed = min(time.mktime((*entry.date_time, 0, 0, -1)), time.time())
                    with suppress(OSError):
                        os.utime(folder / entry.filename, (changed, changed))


def transfer(app: ZipCollectApp, collected: dict) -> None:
    """Copy collected files as nbgrader does, and keep their times, none later than the time that a name says.

    Takes the place of a method of nbgrader's program.
    """
    _transfer(app, collected)
    for data in collected.values():
        said = data["timestamp"].replace(tzinfo=UTC).timestamp() if data["timestamp"] else datetime.now(UTC).timestamp()
        for source, copied in zip(data["src_files"], data["dest_files"], strict=True):
            changed = min(os.stat(source).st_mtime, said)
            os.utime(copied, (changed, changed))
