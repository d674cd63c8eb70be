"""One YAML file of results that several runs add to and no crash damages.

Called by notebooks that compare models; the file is small and meant to be read by people.
"""

import os
import secrets
from pathlib import Path

import yaml
from filelock import FileLock

from lab.errors import ResultsError


def merge(path: str | Path, key: str, record: dict, *, replace: bool = False) -> dict:
    """Set the entries of `record` under `key` in the file, keep all others, and return what the file then holds.

    Args:
        path: the file; it and its folder are made where missing.
        key: of the run, for example the name of its checkpoint.
        record: strings, numbers, lists and dicts.
        replace: whether the other entries of the key are dropped.
    Raises:
        ResultsError: when the file is there and is not a YAML mapping; it is left as it is.
        TypeError: when YAML has no plain form for the record (a tensor, for example); the file is left as it is.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the lock is a file beside it, which stays: a lock on the file itself would be lost when the file is replaced
    with FileLock(path.with_name(f".{path.name}.lock")):
        results = load(path)
        results[key] = {**({} if replace else results.get(key, {})), **record}
        try:
            text = yaml.safe_dump(results, allow_unicode=True)
        except yaml.YAMLError as error:
            raise TypeError(
                f"results.merge: the record of {key!r} has a value that YAML cannot hold: {error}"
            ) from error
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            temporary.write_text(text, encoding="utf-8")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return results


def load(path: str | Path) -> dict:
    """Return what the file holds; an empty dict where there is no file.

    Raises:
        ResultsError: when the file is not a YAML mapping of mappings.
    """
    path = Path(path)
    if not path.exists():
        return {}
    try:
        results = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ResultsError(
            f"{path} is not readable as YAML ({error}). Correct it, or rename it to begin anew."
        ) from error
    if results is None:
        return {}
    if not isinstance(results, dict) or not all(isinstance(record, dict) for record in results.values()):
        raise ResultsError(
            f"{path}: expected one record a key, got other YAML. Correct it, or rename it to begin anew."
        )
    return results
