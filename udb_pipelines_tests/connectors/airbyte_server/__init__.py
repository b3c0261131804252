"""Sources behind an Airbyte server: a fake that keeps state and speaks the published contract."""
