"""docker-compose.yml and the Dockerfile: valid by the specification, and true about this package."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sqlalchemy
import yaml

from udb_pipelines.connectors.databases.odbc_address import SQL_SERVER_DRIVERS

SCHEMA = Path(__file__).with_name("compose-spec.json")


@pytest.fixture(scope="module")
def compose(repository: Path) -> dict[str, Any]:
    return yaml.safe_load((repository / "docker-compose.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that run our image."""
    return {name: service for name, service in compose["services"].items() if service["image"].startswith("udb-")}


def test_compose_file_is_valid_by_the_specification(compose: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(compose)


def test_the_schema_refuses_a_mistake(compose: dict[str, Any]) -> None:
    wrong = compose | {"services": compose["services"] | {"web": {"image": "x", "port": ["3000:3000"]}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_references_between_services_volumes_and_configs_resolve(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        named = {volume.split(":")[0] for volume in service.get("volumes", ()) if not volume.startswith(("./", "/"))}
        assert named <= set(compose["volumes"]), name
        assert {config["source"] for config in service.get("configs", ())} <= set(compose["configs"]), name


def test_a_service_awaited_as_healthy_says_when_it_is(compose: dict[str, Any]) -> None:
    awaited = {
        name
        for service in compose["services"].values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    }
    assert awaited
    assert all("test" in compose["services"][name]["healthcheck"] for name in awaited)


def test_settings_exist(ours: dict[str, dict[str, Any]], setting_names: set[str]) -> None:
    for name, service in ours.items():
        assert set(service["environment"]) <= {*setting_names, "DAGSTER_CODE_HOST"}, name


def test_database_urls_name_databases_that_are_created(
    compose: dict[str, Any], ours: dict[str, dict[str, Any]]
) -> None:
    created = set(re.findall(r"CREATE DATABASE (\w+);", compose["configs"]["databases"]["content"]))
    created.add(compose["services"]["postgres"]["environment"]["POSTGRES_DB"])
    urls = [value for key, value in ours["code"]["environment"].items() if key.endswith("_URL")]
    for url in map(sqlalchemy.make_url, (re.sub(r"\$\{[^}]*\}", "secret", url) for url in urls)):
        assert url.host == "postgres"
        assert url.database in created
    assert len(urls) == len(created)


def test_only_the_code_location_runs_jobs_and_all_share_the_data(ours: dict[str, dict[str, Any]]) -> None:
    assert set(ours) == {"migrate", "code", "daemon", "web"}
    for name, service in ours.items():
        assert service["volumes"] == ours["code"]["volumes"], name
        assert "deploy" not in service, name


def test_the_ui_is_reachable_from_this_machine_only(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_profiles_are_optional(compose: dict[str, Any]) -> None:
    optional = {name: service["profiles"] for name, service in compose["services"].items() if "profiles" in service}
    assert optional == {name: [name] for name in ("kafka", "redis", "minio", "airbyte")}


def test_no_password_is_written_down(repository: Path) -> None:
    text = (repository / "docker-compose.yml").read_text(encoding="utf-8")
    passwords = re.findall(r"PASSWORD: (.+)", text) + re.findall(r"://udb:(.+?)@", text)
    assert passwords
    assert all(password.startswith("${POSTGRES_PASSWORD") for password in passwords)


def test_commands_exist(ours: dict[str, dict[str, Any]], commands: set[str]) -> None:
    for service in ours.values():
        _check_command(service["command"], commands)
        if "test" in service.get("healthcheck", {}):
            _check_command(service["healthcheck"]["test"][1:], commands)


def test_dockerfile_runs_what_exists_as_nobody_in_particular(repository: Path, commands: set[str]) -> None:
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    _check_command(json.loads(re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)[-1]), commands)
    assert re.findall(r"^USER (\d+)", text, re.MULTILINE)[-1] != "0"
    assert "--require-hashes" in text
    assert "HEALTHCHECK" in text


def test_dockerfile_brings_the_programs_that_sources_are_read_with(repository: Path) -> None:
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    last = text.rpartition("\nFROM ")[2]
    (installed,) = re.findall(r"apt-get install --yes --no-install-recommends (.+?) (?:&&|\\)", last)
    (drivers,) = re.findall(r'^ARG ODBC_DRIVERS="(.+)"$', last, re.MULTILINE)
    assert installed.split() == ["openssh-client", "unixodbc", "${ODBC_DRIVERS}"]
    assert drivers == "tdsodbc", "the package of FreeTDS, one of the drivers that mssql:// looks for"
    assert "FreeTDS" in SQL_SERVER_DRIVERS


def test_dockerfile_copies_only_what_the_context_lets_through(repository: Path) -> None:
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for name in line.split()[:-1]}
    allowed = {line[1:] for line in (repository / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == allowed
    assert all((repository / name).exists() for name in copied)


def _check_command(command: list[str], commands: set[str]) -> None:
    """The program is installed, and it knows the options."""
    if command[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(command[2]), command
        return
    assert command[0] in commands, command
    words = [word for word in command[1:] if not word.startswith("-")]
    subcommands = [
        word for word in words if word in {"code-server", "start", "run", "api", "grpc-health-check", "liveness-check"}
    ]
    program = Path(sys.executable).with_name(command[0])
    usage = subprocess.run([program, *subcommands, "--help"], capture_output=True, text=True, check=True).stdout
    for option in (word for word in command if word.startswith("--")):
        assert option in usage, (command, option)
