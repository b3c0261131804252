"""The Helm chart: its values, its templates, and what Helm makes of them where Helm is installed."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

WRITABLE = {"/var/lib/udb", "/tmp"}


@pytest.fixture(scope="module")
def chart(repository: Path) -> Path:
    return repository / "helm" / "udb"


@pytest.fixture(scope="module")
def values(chart: Path) -> dict[str, Any]:
    return yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def schema(chart: Path) -> dict[str, Any]:
    return json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def helm() -> str:
    program = shutil.which("helm")
    if program is None:
        pytest.skip("needs Helm to render the chart")
    return program


def render(helm: str, chart: Path, *options: str) -> list[dict[str, Any]]:
    command = [helm, "template", "shop", str(chart), "--kube-version", "1.31", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


@pytest.fixture(scope="module")
def rendered(helm: str, chart: Path) -> list[dict[str, Any]]:
    return render(helm, chart, "--set", "sourceSecrets={shop-sources}")


def test_default_values_are_valid(values: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(values, schema)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("persistence.size", "a lot"),
        ("databaseSecret.name", ""),
        ("settings", {"MEMORY": "1GB"}),
        ("ingress.enabled", True),
        ("image.pulPolicy", "Always"),
        ("replicas", 2),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], schema: dict[str, Any], path: str, wrong: object) -> None:
    changed = copy.deepcopy(values)
    *parents, last = path.split(".")
    place = changed
    for parent in parents:
        place = place[parent]
    place[last] = wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed, schema)


def test_every_value_is_used_and_every_used_value_is_declared(chart: Path, values: dict[str, Any]) -> None:
    templates = "".join(path.read_text(encoding="utf-8") for path in (chart / "templates").iterdir())
    used = set(re.findall(r"\.Values\.([A-Za-z.]+)", templates))
    declared = {
        f"{name}.{inner}" if isinstance(value, dict) and value and name not in {"settings"} else name
        for name, value in values.items()
        for inner in (value if isinstance(value, dict) and value else [""])
    }
    assert used == declared


def test_commands_and_settings_of_the_templates_exist(chart: Path, commands: set[str], setting_names: set[str]) -> None:
    templates = "".join(path.read_text(encoding="utf-8") for path in (chart / "templates").glob("*.yaml"))
    programs = set(re.findall(r"command: \[([\w-]+)", templates)) | set(
        re.findall(r"command:\n +- ([\w-]+)", templates)
    )
    assert programs - {"python"} <= commands
    assert programs >= {"dagster", "dagster-daemon", "dagster-webserver"}
    helpers = (chart / "templates" / "_helpers.tpl").read_text(encoding="utf-8")
    assert set(re.findall(r"\b(UDB_[A-Z_]+)", templates + helpers)) <= setting_names


def test_chart_and_package_have_the_same_version(chart: Path) -> None:
    import udb_pipelines

    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    assert about["appVersion"] == udb_pipelines.__version__


def test_helm_finds_nothing_to_complain_about(helm: str, chart: Path) -> None:
    done = subprocess.run([helm, "lint", "--strict", str(chart)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_warehouse_has_one_writer(rendered: list[dict[str, Any]]) -> None:
    claims = {
        pod["metadata"]["name"]: pod["spec"]
        for pod in rendered
        if pod["kind"] == "Deployment"
        and any("persistentVolumeClaim" in volume for volume in pod["spec"]["template"]["spec"]["volumes"])
    }
    assert list(claims) == ["shop-code"]
    assert claims["shop-code"]["replicas"] == 1
    assert claims["shop-code"]["strategy"] == {"type": "Recreate"}
    volume = next(item for item in rendered if item["kind"] == "PersistentVolumeClaim")
    assert volume["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert volume["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_pods_run_without_rights_and_write_only_to_their_volumes(rendered: list[dict[str, Any]]) -> None:
    workloads = [item for item in rendered if item["kind"] in {"Deployment", "Job"}]
    assert len(workloads) == 4
    for workload in workloads:
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert {mount["mountPath"] for mount in container["volumeMounts"]} == WRITABLE
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_secrets_reach_pods_by_reference_and_source_secrets_the_code_location_only(
    rendered: list[dict[str, Any]],
) -> None:
    config = next(item for item in rendered if item["kind"] == "ConfigMap")
    assert not any("URL" in name or "SECRET" in name for name in config["data"])
    with_source_secrets = [
        item["metadata"]["name"]
        for item in rendered
        if item["kind"] == "Deployment" and "shop-sources" in json.dumps(item["spec"]["template"])
    ]
    assert with_source_secrets == ["shop-code"]


def test_services_find_their_pods(rendered: list[dict[str, Any]]) -> None:
    pods = {
        item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"]
        for item in rendered
        if item["kind"] == "Deployment"
    }
    for service in (item for item in rendered if item["kind"] == "Service"):
        selector = service["spec"]["selector"].items()
        assert len([name for name, labels in pods.items() if selector <= labels.items()]) == 1


def test_the_migration_runs_before_what_it_could_depend_on(rendered: list[dict[str, Any]]) -> None:
    job = next(item for item in rendered if item["kind"] == "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    text = json.dumps(job["spec"]["template"]["spec"])
    assert "configMapRef" not in text
    assert "serviceAccountName" not in text


def test_ingress_only_on_request(helm: str, chart: Path, rendered: list[dict[str, Any]]) -> None:
    assert not any(item["kind"] == "Ingress" for item in rendered)
    asked = render(helm, chart, "--set", "ingress.enabled=true", "--set", "ingress.host=udb.example.org")
    ingress = next(item for item in asked if item["kind"] == "Ingress")
    assert ingress["spec"]["rules"][0]["host"] == "udb.example.org"
    assert ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] == "shop"
