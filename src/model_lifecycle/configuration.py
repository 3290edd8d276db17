"""Configuration in three layers: ``conf/base``, then ``conf/cases/<case>``, then the Kedro environment.

Parameters merge softly, key by key; a catalog entry of a later layer replaces the earlier one. ``${case}`` names the
case in every file, ``${data}`` the data folder. ``conf/base`` declares every top-level parameter, so a key that only
a later layer knows is a typo.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.validation.exceptions import ParameterValidationError
from omegaconf import DictConfig, OmegaConf

from model_lifecycle.contracts.loss_limits import check_loss_limits
from model_lifecycle.contracts.refusals import refusals
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.locations import CASE_VARIABLE, DATA_VARIABLE, DEFAULT_CASE, case_name, data_folder

_SHOWN_LINES = 12
_CASE_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Names that every file can use and none may define, and where their values come from.
_CASE_KEY = "case"
_DATA_KEY = "data"
_GIVEN = {_CASE_KEY: CASE_VARIABLE, _DATA_KEY: DATA_VARIABLE}


def chosen_case(conf_source: str | Path) -> str:
    """Return the case that the environment variable ``MODEL_LIFECYCLE_CASE`` chooses, ``flight_delays`` by default.

    Parameters
    ----------
    conf_source : str or Path
        The configuration folder; its ``cases`` folder holds one folder a case.

    Raises
    ------
    ConfigurationError
        If the name is malformed or no such case exists.
    """
    name = case_name()
    if not _CASE_NAME.fullmatch(name):
        raise ConfigurationError(f"{CASE_VARIABLE}: found {name!r}, expected a name such as {DEFAULT_CASE!r}")
    cases = Path(conf_source) / "cases"
    known = sorted(path.name for path in cases.iterdir() if path.is_dir()) if cases.is_dir() else []
    if name not in known:
        raise ConfigurationError(f"{CASE_VARIABLE}: found {name!r}, expected one of {known} ({cases})")
    return name


def sources_of(conf_source: str | Path, case: str) -> tuple[str, ...]:
    """Return the folders of ``conf/sources`` that a case builds on, by its file ``sources.yml``; none without one.

    Raises
    ------
    ConfigurationError
        If the file is malformed, or a folder is not there.
    """
    root = Path(conf_source)
    file = root / "cases" / case / "sources.yml"
    if not file.exists():
        return ()
    try:
        found = OmegaConf.to_container(OmegaConf.load(file))
    except Exception as error:
        raise ConfigurationError(f"{file}: not readable as YAML: {error}") from error
    names = found.get("sources") if isinstance(found, dict) and set(found) == {"sources"} else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigurationError(f"{file}: found {found!r}, expected `sources:` and a list of names")
    known = sorted(path.name for path in (root / "sources").iterdir()) if (root / "sources").is_dir() else []
    if absent := sorted(set(names) - set(known)):
        raise ConfigurationError(f"{file}: sources {absent}, expected some of {known} ({root / 'sources'})")
    return tuple(names)


class CaseConfigLoader(OmegaConfigLoader):
    """Kedro's loader with the layers of a case, and of the sources that it shares, between ``base`` and environment.

    Parameters
    ----------
    conf_source : str
        The configuration folder.
    env : str, optional
        The Kedro environment; its files come last.
    runtime_params : dict, optional
        What ``--params`` gives; checked like a file.
    **options
        Passed to `kedro.config.OmegaConfigLoader`.

    Raises
    ------
    ConfigurationError
        If the case does not exist, a file is malformed or a parameter is unknown.
    """

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.case = chosen_case(conf_source)
        self.sources = sources_of(conf_source, self.case)
        self._parameter_files: list[tuple[str, object]] = []
        self._later_parameters: list[object] = []  # than those of conf/base
        super().__init__(conf_source, env, runtime_params, **options)

    def _read_raw_config(self, key: str) -> tuple[dict[Path, DictConfig], dict[Path, DictConfig], str, str, set[Path]]:
        base, environment, base_path, environment_path, files = super()._read_raw_config(key)
        case: dict[Path, DictConfig] = {}
        for layer in (*(f"sources/{name}" for name in self.sources), f"cases/{self.case}"):
            path = self._get_conf_env_path(layer)
            read = self._read_dir_configs(path, self.config_patterns[key], key, files, key == "credentials")
            if key != "parameters":
                _drop_replaced(case, read)
            case |= read
        if key == "parameters":
            self._refuse_unknown(base, {**case, **environment})
            layers = {**base, **case, **environment}
            self._parameter_files = [(_shown(file), OmegaConf.to_container(read)) for file, read in layers.items()]
            self._later_parameters = [content for _, content in self._parameter_files[len(base) :]]
        else:
            _drop_replaced(base, case)
        return {**base, **case}, environment, base_path, environment_path, files

    def place_of(self, keys: Sequence[str]) -> str:
        """Return the file, or ``--params``, that a parameter comes from; where it stands nowhere, its parent's."""
        given: list[tuple[str, object]] = [*self._parameter_files, ("--params", self.runtime_params or {})]
        for length in range(len(keys), 0, -1):
            for file, content in reversed(given):
                if _holds(content, keys[:length]):
                    return file
        return "parameters"

    def is_own(self, keys: Sequence[str]) -> bool:
        """Return whether a later layer than ``conf/base``, or ``--params``, sets a parameter."""
        return any(_holds(content, keys) for content in (*self._later_parameters, self.runtime_params or {}))

    def _read_dir_configs(
        self,
        conf_path: str,
        patterns: Iterable[str],
        key: str,
        processed_files: set[Path],
        read_environment_variables: bool | None = False,
    ) -> dict[Path, DictConfig]:
        try:
            read = super()._read_dir_configs(conf_path, patterns, key, processed_files, read_environment_variables)
        except Exception as error:
            _explain_malformed(Path(conf_path), patterns, error)
            if isinstance(error, ValueError):  # the same key in two files of one layer: Kedro's message names both
                raise ConfigurationError(str(error)) from error
            raise
        return dict(sorted(read.items()))

    def _merge_and_resolve(self, key: str, config_per_file: Mapping[Path, DictConfig]) -> dict[str, Any]:
        given = {_CASE_KEY: self.case, _DATA_KEY: str(self._data_folder())}
        resolved: dict[str, Any] = super()._merge_and_resolve(
            key, {Path(_CASE_KEY): OmegaConf.create(given), **config_per_file}
        )
        for name in given:
            if key != "parameters" or name != _CASE_KEY:
                del resolved[name]
        return resolved

    def _data_folder(self) -> Path:
        """Return the data folder as seen from here: a notebook does not run in the project's own folder."""
        project = Path(self.conf_source).resolve().parent
        return data_folder() if project == Path.cwd() else project / data_folder()

    def _refuse_unknown(self, base: Mapping[Path, DictConfig], later: Mapping[Path, DictConfig]) -> None:
        known = {str(name) for content in base.values() for name in content}
        places: dict[str, Collection[Any]] = {str(file): content.keys() for file, content in {**base, **later}.items()}
        places["--params"] = (self.runtime_params or {}).keys()
        for place, keys in places.items():
            for name in map(str, keys):
                if name in _GIVEN:
                    raise ConfigurationError(f"{place}: key {name!r}; it is set by the variable {_GIVEN[name]} alone")
                if name not in known and not name.startswith("_"):
                    nearest = get_close_matches(name, known, n=1, cutoff=0.0)
                    raise ConfigurationError(
                        f"{place}: unknown key {name!r}, nearest known key {nearest[0]!r}"
                        if nearest
                        else f"{place}: unknown key {name!r}; conf/base declares none"
                    )


class LifecycleContext(KedroContext):
    """Kedro's context; a parameter that its contract refuses is told by file, key, found and expected."""

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, each as the contract that its nodes ask for.

        Raises
        ------
        ConfigurationError
            With a line for each refused value, or for each limit that is in the unit of another loss.
        """
        loader = self.config_loader
        if isinstance(loader, CaseConfigLoader):
            check_loss_limits(loader["parameters"], loader.is_own)
        try:
            return super().params
        except ParameterValidationError as error:
            lines = self._refused()
            more = f"\n  … and {len(lines) - _SHOWN_LINES} more" if len(lines) > _SHOWN_LINES else ""
            told = "\n  ".join(["the configuration is refused:", *lines[:_SHOWN_LINES]]) + more
            raise ConfigurationError(told if lines else str(error)) from error

    def _refused(self) -> list[str]:
        from kedro.framework.project import pipelines
        from kedro.validation.type_extractor import TypeExtractor
        from kedro.validation.utils import is_pydantic_class

        loader, chosen = self.config_loader, self._pipelines_to_validate
        if not isinstance(loader, CaseConfigLoader):
            return []
        wanted = TypeExtractor({name: pipelines[name] for name in (chosen or pipelines)}).extract_types_from_pipelines()
        found = loader["parameters"]
        return [
            line
            for name, kind in wanted.items()
            if name in found and is_pydantic_class(kind)
            for line in refusals(kind, name, found[name], loader.place_of)
        ]


def _holds(content: Any, keys: Sequence[str]) -> bool:
    for key in keys:
        if isinstance(content, list) and key.isdigit() and int(key) < len(content):
            content = content[int(key)]
        elif isinstance(content, dict) and key in content:
            content = content[key]
        else:
            return False
    return True


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def _drop_replaced(base: Mapping[Path, DictConfig], case: Mapping[Path, DictConfig]) -> None:
    """Take out of base what the case defines anew, so that entries are replaced and never blended."""
    replaced = {name for content in case.values() for name in content}
    for content in base.values():
        for name in replaced & set(content):
            del content[name]


def _explain_malformed(folder: Path, patterns: Iterable[str], cause: Exception) -> None:
    """Raise for the first file that is not a YAML mapping; return if all are, so that the cause lies elsewhere."""
    for file in sorted({file for pattern in patterns for file in folder.glob(pattern) if file.is_file()}):
        if file.suffix not in {".yml", ".yaml", ".json"}:
            continue
        try:
            content = OmegaConf.load(file)
        except Exception as error:
            raise ConfigurationError(f"{file}: not readable as YAML: {error}") from cause
        if not isinstance(content, DictConfig):
            raise ConfigurationError(f"{file}: found {type(content).__name__}, expected keys and values") from cause
