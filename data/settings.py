"""Settings: where and how fast; they never change a result and are never hashed."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once from `REELFLOW_*` in the flow, then passed on.

    `workers` are engine processes (Ray actors), `decoders` the killable decoder processes of each;
    None means: as this machine's cores and GPUs suggest.
    """

    model_config = SettingsConfigDict(env_prefix="REELFLOW_", frozen=True, extra="ignore")

    root: str = "reelflow-store"
    catalog: str | None = None
    runner: Literal["ray", "in_process"] = "ray"
    ray_address: str | None = None
    dask_scheduler: str = "threads"
    workers: int | None = Field(None, ge=1)
    cores_per_worker: int | None = Field(None, ge=1)
    gpus: int | None = Field(None, ge=0)  # of all workers: where flows run on a machine without
    gpus_per_worker: float = Field(1.0, gt=0)
    decoders: int | None = Field(None, ge=1)
    threads: int | None = Field(None, ge=1)
    compile: bool = False
    batch: int = Field(16, ge=1)  # videos; a worker embeds two such batches side by side
    frames_per_batch: int = Field(64, ge=1)
    shard_size: int = Field(500, ge=1)
    decode_deadline_s: float = Field(60.0, gt=0)
    item_deadline_s: float = Field(3600.0, gt=0)
    decoder_memory_gb: float = Field(4.0, gt=0)
    url_schemes: str = "file,s3,gs,gcs,az,abfs,hf,http,https,memory,fake"  # that rows may name
    private_addresses: bool = False  # whether rows may name hosts in private networks
    prompts_per_shard: int = Field(16, ge=1)
    generate_batch: int | None = Field(None, ge=1)  # videos made at once
    offload: bool = False
    vae_slicing: bool = True
    wait_s: float = Field(3600.0, ge=0)
    failed_share: float = Field(0.05, ge=0, le=1)  # of a run's videos: more is told of
    price_per_gpu_hour: float = Field(0.0, ge=0)
    pictured: int = Field(12, ge=0)  # videos on the contact sheets of runs' pages; 0: no sheets
