"""Settings: where a run works and how fast; they change no result and are never hashed."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The `REELFLOW_*` environment variables, read once in the flow and then passed on.

    `workers` are engine processes (Ray actors), `decoders` the killable decoder processes of each
    worker; None means a number that suits this machine's cores and GPUs.
    """

    model_config = SettingsConfigDict(env_prefix="REELFLOW_", frozen=True, extra="ignore")

    root: str = "reelflow-store"
    catalog: str | None = None
    runner: Literal["auto", "ray", "process", "in_process"] = "auto"  # see choose_runner
    ray_address: str | None = None
    dask_scheduler: str = "threads"
    workers: int | None = Field(None, ge=1)
    cores_per_worker: int | None = Field(None, ge=1)
    gpus: int | None = Field(None, ge=0)  # of all workers, if the flow's own machine has none
    gpus_per_worker: float = Field(1.0, gt=0)
    decoders: int | None = Field(None, ge=1)
    threads: int | None = Field(None, ge=1)
    server: str | None = None  # address of an OpenAI-compatible one, as in http://localhost:8000/v1
    api_key: SecretStr | None = None  # for that server
    concurrent_requests: int = Field(8, ge=1)  # to that server
    request_deadline_s: float = Field(120.0, gt=0)  # of each
    compile: bool = False
    batch: int = Field(16, ge=1)  # videos; a worker embeds two batches concurrently
    frames_per_batch: int = Field(64, ge=1)
    shard_size: int = Field(500, ge=1)
    # A worker kills a decoder that exceeds a deadline, so one bad file cannot stop a run.
    decode_deadline_s: float = Field(60.0, gt=0)
    item_deadline_s: float = Field(3600.0, gt=0)
    decoder_memory_gb: float = Field(4.0, gt=0)
    url_schemes: str = "file,s3,gs,gcs,az,abfs,hf,http,https,memory,fake"  # allowed in rows
    private_addresses: bool = False  # whether rows may name hosts in private networks (SSRF)
    prompts_per_shard: int = Field(16, ge=1)
    generate_batch: int | None = Field(None, ge=1)  # videos generated at once
    offload: bool = False
    vae_slicing: bool = True
    wait_s: float = Field(3600.0, ge=0)
    failed_share: float = Field(0.05, ge=0, le=1)  # of a run's videos; above it the run warns
    history_days: int = Field(90, ge=1)  # that maintenance keeps Prefect's records of runs
    price_per_gpu_hour: float = Field(0.0, ge=0)
    pictured: int = Field(12, ge=0)  # videos on a run's contact sheets; 0 for no sheets
    browse_url: str | None = None  # of the page to look around, where others reach it
