"""Addresses with secrets in them, as people write them and mistype them."""

from hypothesis import strategies as st

KEY = "AKIAIOSFODNN7"
# What is refused wherever an address is wanted, and not shown.
FORMS = (
    "https://KEY:SECRET@host.example.org/x.zarr", "s3://KEY:SECRET@bucket/x.zarr", "https://SECRET@host.example.org/x",
    "http://KEY:SECRET@127.0.0.1:9000/x", "https://host.example.org/x.zarr?X-Amz-Signature=SECRET",
    "s3://bucket/x.zarr?X-Amz-Security-Token=SECRET&a=1", "https://host.example.org/x?a=1&token=SECRET",
    "s3:/KEY:SECRET@bucket", "s3//KEY:SECRET@bucket", "s3:KEY:SECRET@bucket", "https:/KEY:SECRET@host/x",
    "https//KEY:SECRET@host/x", "S3://KEY:SECRET@bucket/x", "postgresql:/KEY:SECRET@host", "tcp://KEY:SECRET@host:8786",
    "ftp://KEY:SECRET@host/x", "s3:///KEY:SECRET@bucket", "s3:\\\\KEY:SECRET@bucket",
)  # fmt: skip
# So much less is enough where nothing but an address can be meant.
BARE = ("KEY:SECRET@bucket/x", "//KEY:SECRET@host/x", "https://host/x#SECRET", "https://host/x?SECRET", "https://[SECRET")
# Amazon's have slashes and plusses, others whatever a keyboard has but blanks and quotes.
secrets = st.text(st.sampled_from("abcxyzABCXYZ0189/+-_.~!$*()%,"), min_size=8, max_size=40).filter(
    lambda text: any(len(part) >= 6 for part in text.split("/"))
)


def with_secret(form: str, secret: str) -> str:
    """The form with a secret in it; only behind a name it may have slashes, or it would be a host and a path."""
    secret = secret if "KEY:SECRET" in form else secret.replace("/", "-")
    return form.replace("KEY", KEY).replace("SECRET", secret)


def shows(text: str, secret: str) -> bool:
    """Whether a text has the secret, or a part of it between slashes that is long enough to tell."""
    return any(part in text for part in secret.split("/") if len(part) >= 6) or secret in text
