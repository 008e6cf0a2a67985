"""Where the workspace is and what it may use, read from environment variables that begin with `GRAFT_`."""

import os
from pathlib import Path

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import InputError

ROOT = Path(__file__).resolve().parents[1]  # the folder that holds `core` and `pages`


class Settings(BaseSettings):
    """Paths, limits and switches. `GRAFT_HOME=/srv/graft` sets `home`, and so on."""

    model_config = SettingsConfigDict(env_prefix="GRAFT_", frozen=True, extra="ignore")

    home: Path = Field(Path.home() / ".graft", description="The workspace folder.")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite inside the workspace.")
    slots: int = Field(1, ge=1, description="How many runs may train at the same time on a CPU.")
    threads: int = Field(os.cpu_count() or 1, ge=1, description="CPU threads one worker may use.")
    devices: str = Field(
        "all",
        # CUDA's own variable may already limit the process to some of a machine's GPUs.
        validation_alias=AliasChoices("GRAFT_DEVICES", "CUDA_VISIBLE_DEVICES"),
        description="GPUs that runs may use: `all`, `cpu` for none, or their numbers, such as `0,1`.",
    )
    ray_address: str = Field(
        "",
        # Ray changes RAY_ADDRESS inside its jobs; a worker gets the submitter's address in GRAFT_RAY_ADDRESS.
        validation_alias=AliasChoices("GRAFT_RAY_ADDRESS", "RAY_ADDRESS"),
        description="The Ray cluster that runs train on, such as `http://head:8265`; empty for this machine.",
    )
    webhook: str = Field("", description="An http(s) address that receives a POST when a run ends; empty for none.")
    warm_minutes: int = Field(
        10, ge=0, description="How long a worker waits, libraries imported, for the next run; 0: none (0.6 GB each)."
    )
    cache_gb: float = Field(
        20, gt=0, description="Cache size for embeddings and activations; the oldest are removed."
    )
    keep_originals: bool = Field(
        True,
        description="Whether the bytes of an import are kept. Without them its reading cannot be changed later.",
    )
    image_side: int = Field(320, ge=32, description="Longest side, in pixels, at which images are kept.")
    max_pixels: int = Field(64_000_000, description="An image with more pixels than this is refused.")
    max_members: int = Field(200_000, description="An archive with more members than this is refused.")
    min_free_mb: int = Field(500, description="Free disk space, in MB, that an import must leave.")

    import_folders: str = Field(
        "", description="Folders on this machine that a page may import from, with the path separator between them."
    )

    @field_validator("home")
    @classmethod
    def _expand(cls, home: Path) -> Path:
        return home.expanduser()  # no shell has done it where the environment comes from a file

    @field_validator("webhook")
    @classmethod
    def _is_address(cls, webhook: str) -> str:
        if webhook and not webhook.startswith(("http://", "https://")):
            raise ValueError("it must begin with http:// or https://")
        return webhook

    @property
    def importable(self) -> tuple[Path, ...]:
        """The folders of `import_folders`, with links resolved; empty when pages may not import from this machine."""
        return tuple(Path(p).expanduser().resolve() for p in self.import_folders.split(os.pathsep) if p.strip())

    @property
    def datasets(self) -> Path:
        return self.home / "datasets"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'graft.db'}"


def get_settings() -> Settings:
    """The current settings. Not cached, so that a changed environment (a test's, say) takes effect.

    `InputError` names a variable with a value that cannot be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"GRAFT_{first['loc'][0]}".upper()
        raise InputError(
            f"{variable} is “{first['input']}”: {first['msg']}.", f"Change or unset {variable}."
        ) from error
