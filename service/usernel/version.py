"""The one place where the version stands: the wheel, `usernel --version` and the OpenAPI document read it here."""

__version__ = "0.1.0"
