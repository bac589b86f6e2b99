"""The fsspec file systems that URLs are read through."""

from typing import Any

import fsspec

from data.errors import UserError
from data.secrets import strip_secrets
from data.store import s3

# The package that reads a scheme, where fsspec itself does not.
PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs",
    "abfss": "adlfs", "adl": "adlfs", "hf": "huggingface_hub", "ssh": "paramiko",
    "sftp": "paramiko", "smb": "smbprotocol", "oss": "ossfs", "oci": "ocifs", "webdav": "webdav4",
    "http": "aiohttp", "https": "aiohttp", "github": "requests", "dropbox": "dropboxdrivefs",
    "gdrive": "gdrive_fsspec", "hdfs": "pyarrow", "box": "boxfs",
}  # fmt: skip


def open_filesystem(url: str, **options_by_scheme: Any) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path by which that knows it.

    Credentials come from the environment. A UserError names a library that is not installed.
    """
    # Cached listings would hide what other processes write.
    options = {"use_listings_cache": False} | options_by_scheme
    try:
        if url.split("://")[0] in ("s3", "s3a"):
            options |= s3.build_options()
        return fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        scheme = url.partition("://")[0]
        package = PACKAGES.get(scheme)
        fix = f"pip install {package}" if package else str(error)
        raise UserError(f"cannot use {strip_secrets(url)}: {fix}") from error
