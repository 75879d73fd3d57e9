"""docker-compose.yml and Dockerfile, checked without Docker."""

import importlib.util
import re
import stat
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
LONG_RUNNING = sorted(set(SERVICES) - {"seed"})
OURS = sorted(set(SERVICES) - {"redis"})


def with_defaults(text):
    """What Compose makes of a value when nothing is set: `${NAME:-default}` → `default`."""
    return re.sub(r"\$\{\w+(?::-([^}]*))?\}", lambda found: found[1] or "", text)


def option(command, name):
    return with_defaults(command[command.index(name) + 1])


@pytest.fixture
def make_secrets():
    spec = importlib.util.spec_from_file_location("make_secrets", ROOT / "tools/make_secrets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_names_the_store_two_workers_the_api_and_the_sandbox_with_its_seed():
    assert set(SERVICES) == {"redis", "worker", "api", "sandbox", "seed"}
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert {n for n in SERVICES if SERVICES[n].get("profiles") == ["sandbox"]} == {
        "sandbox",
        "seed",
    }
    assert not any(SERVICES[name].get("profiles") for name in ("redis", "worker", "api"))


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_that_exits_is_started_again(name):
    # A worker may exit when its store goes away.
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_the_seed_runs_once_and_is_repeated_only_when_it_failed():
    assert SERVICES["seed"]["restart"].startswith("on-failure")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_gets_fifteen_seconds_to_stop(name):
    assert SERVICES[name]["stop_grace_period"] == "15s"


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_says_whether_it_is_healthy(name):
    check = SERVICES[name]["healthcheck"]

    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_runs_as_nobody_of_note_and_can_write_only_to_tmp(name):
    service = SERVICES[name]
    user, group = service["user"].split(":")

    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert [mount.split(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_cannot_eat_the_host(name):
    limits = SERVICES[name]["deploy"]["resources"]["limits"]

    assert float(limits["cpus"]) > 0
    assert re.fullmatch(r"\d+[mg]", limits["memory"])
    assert limits["pids"] > 0


def test_the_store_writes_every_change_to_disk_and_evicts_nothing():
    command = SERVICES["redis"]["command"]

    assert command[0] == "redis-server"
    assert option(command, "--appendonly") == "yes"
    assert option(command, "--appendfsync") == "always"
    assert option(command, "--maxmemory-policy") == "noeviction"
    assert option(command, "--maxmemory") == "512mb"
    assert [v.split(":")[1] for v in SERVICES["redis"]["volumes"]] == [option(command, "--dir")]
    assert {v.split(":")[0] for v in SERVICES["redis"]["volumes"]} <= set(COMPOSE["volumes"])


def test_one_variable_puts_valkey_in_redis_place():
    assert with_defaults(SERVICES["redis"]["image"]) == "redis:8"
    assert "STORE_IMAGE=valkey/valkey:9" in (ROOT / "docker-compose.yml").read_text()


def test_only_our_own_services_can_reach_the_store():
    assert COMPOSE["networks"]["store"]["internal"] is True
    assert SERVICES["redis"]["networks"] == ["store"]
    assert "ports" not in SERVICES["redis"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["api"]["ports"])


@pytest.mark.parametrize("name", ["worker", "api", "seed"])
def test_who_needs_the_store_waits_until_it_is_healthy(name):
    assert SERVICES[name]["depends_on"]["redis"]["condition"] == "service_healthy"


@pytest.mark.parametrize("name", OURS)
def test_no_secret_is_in_the_environment_or_on_a_command_line(name):
    environment = SERVICES[name].get("environment", {})

    # Where the internet finds the API is for everybody to know.
    named = set(environment) - {"BULKHEAD_PUBLIC_URL"}
    assert not [k for k in named if re.search(r"URL|KEY|TOKEN|PASS|SECRET", k)]
    assert not re.search(r"redis://|requirepass|--pass", " ".join(SERVICES[name]["command"]))


def test_every_secret_is_a_file_that_no_commit_can_hold():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}

    assert used == set(COMPOSE["secrets"])
    assert all(s["file"].startswith("./.secrets/") for s in COMPOSE["secrets"].values())
    assert "/.secrets/" in ignored


def test_the_password_reaches_the_stores_health_check_through_a_pipe_only():
    script = SERVICES["redis"]["healthcheck"]["test"][1]

    assert "/run/secrets/store.conf" in script
    assert not re.search(r"REDISCLI_AUTH|redis-cli +-a|--pass|\$", script)


def test_the_secret_files_are_made_once_behind_a_locked_folder(make_secrets, tmp_path):
    folder = tmp_path / "secrets"

    first = make_secrets.make(folder)
    before = {path.name: path.read_text() for path in folder.iterdir()}
    again = make_secrets.make(folder)

    assert set(first) == set(COMPOSE["secrets"]) == set(before)
    assert again == []
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}


def test_the_two_halves_of_the_stores_password_agree(make_secrets, tmp_path):
    make_secrets.make(tmp_path)

    word, password = (tmp_path / "store.conf").read_text().split()
    settings = tomllib.loads((tmp_path / "bulkhead.toml").read_text())

    assert word == "requirepass"
    assert settings["redis_url"] == f"redis://:{password}@redis:6379/0"
    assert len(settings["secret_key"]) >= 32
    assert len(password) >= 32


def test_a_missing_half_is_not_quietly_replaced(make_secrets, tmp_path):
    make_secrets.make(tmp_path)
    (tmp_path / "store.conf").unlink()

    with pytest.raises(SystemExit, match="one of them is missing"):
        make_secrets.make(tmp_path)


def test_the_image_is_built_from_hashes_and_runs_as_the_user_compose_names():
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line for line in lines if line and not line.startswith("#")]

    assert steps[0] == "FROM python:3.13-slim"
    assert any("--require-hashes --requirement requirements.lock" in step for step in steps)
    assert "USER 10001:10001" in steps
    assert {SERVICES[name]["user"] for name in OURS} == {"10001:10001"}
    warm_import = steps.index('RUN python -c "import mesibo"')
    assert warm_import < steps.index("USER 10001:10001")


@pytest.mark.parametrize("package", ["producers", "tasks", "worker", "bulkhead", "sandbox"])
def test_the_image_holds_every_package(package):
    assert f"COPY {package} {package}\n" in (ROOT / "Dockerfile").read_text()
    assert f"!{package}\n" in (ROOT / ".dockerignore").read_text()


def test_the_seed_goes_over_the_network_with_plain_http_allowed():
    command = SERVICES["seed"]["command"]

    assert option(command, "--sandbox") == "http://sandbox:8800"
    assert "--allow-http" in (ROOT / "tools/seed_sandbox.py").read_text()
    assert option(SERVICES["sandbox"]["command"], "--host") == "0.0.0.0"
    assert option(SERVICES["sandbox"]["command"], "--port") == "8800"
