"""`stope bridge` and `stope doctor`, from the words typed to the compiled firmware and back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_time_core import RealTimeCore
from typer.testing import CliRunner

from stope.bridge.flash import flash_text
from stope.bridge.impair import Faults
from stope.bridge.pump import Pump
from stope.bridge.serial_port import SerialPort
from stope.bridge.shared_core import Boot
from stope.cli import app
from stope.cli_bridge import Board
from stope.mission.yamltree import parse
from stope.robot.model import RobotModel

RUN = CliRunner()
STOPE = [sys.executable, "-m", "stope.cli"]


def stope(*arguments: str) -> tuple[int, str, str]:
    result = RUN.invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def port(native_firmware: Path) -> Iterator[str]:
    """A port behind which the bench rig's firmware runs as a process of its own."""
    process = subprocess.Popen([str(native_firmware)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """A port with nobody behind it."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    for fd in (master, slave):
        os.close(fd)


@pytest.fixture
def desk(core_libraries: dict[str, Path], rig: RobotModel) -> Iterator[str]:
    """The same core over joints with inertia, which the doctor can jog."""
    with (
        RealTimeCore(core_libraries["bench_rig"], rig, Boot(nonce=7, uid=0xABCD)) as core,
        Pump(core.device_fd, Faults(), Faults()) as line,
    ):
        yield line.name


def test_list_says_who_answers_and_why_the_others_do_not(port: str, silent: str) -> None:
    code, out, _ = stope("bridge", "list", port, silent, "/dev/no-such-port", "--json")
    assert code == 0
    found = {one["port"]: one for one in json.loads(out)}
    assert (found[port]["device"]["robot"], found[port]["device"]["board"]) == ("bench_rig", "posix")
    assert (found[silent]["device"], found[silent]["why"]) == (None, "nothing there speaks this protocol")
    assert "cannot be opened" in found["/dev/no-such-port"]["why"]
    code, out, _ = stope("bridge", "list", port)
    assert any(line.startswith(f"{port}  bench_rig on posix:") for line in out.splitlines())


def test_info_is_what_the_device_says(port: str, rig: RobotModel) -> None:
    code, out, _ = stope("bridge", "info", "--port", port, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["limits"] == rig.limits_hash
    assert (facts["joints"], facts["anchors"], facts["thrusters"]) == (2, 1, 0)
    assert (facts["host_timeout_ms"], facts["reset_cause"], facts["protocol"]) == (250, "POWER", "1.0")
    code, out, _ = stope("bridge", "info", "--port", port)
    words = dict(line.split(None, 1) for line in out.splitlines() if len(line.split(None, 1)) == 2)
    assert words["robot"] == "bench_rig"
    assert words["session"].strip() == facts["session"]


def test_monitor_looks_and_keeps_nothing_alive(port: str) -> None:
    code, out, _ = stope("bridge", "monitor", "--port", port, "--every", "0.3", "--lines", "2", "--json")
    assert code == 0
    first, second = (json.loads(line) for line in out.splitlines())
    assert (second["state"], second["outputs"], second["host_age_ms"]) == ("DISARMED", False, None)
    assert second["time_us"] - first["time_us"] > 200_000
    assert 20.0 < second["samples_hz"] < 150.0  # 100, on a machine that may be busy
    assert second["lost"] == 0
    assert second["skipped"] < 280  # the frame that was half gone when the port was opened, and no more
    code, out, _ = stope("bridge", "monitor", "--port", port, "--every", "0.2", "--lines", "1")
    assert "DISARMED  outputs off" in out
    assert "host never, set-point never" in out


def test_parameters_are_read_and_made_narrower_and_nothing_else(port: str) -> None:
    code, out, _ = stope("bridge", "params", "--port", port, "--set", "HOST_TIMEOUT_MS=200", "--json")
    assert code == 0
    assert {one["name"]: one["value"] for one in json.loads(out)}["HOST_TIMEOUT_MS"] == 200
    code, out, _ = stope("bridge", "params", "--port", port)
    assert any(line.split() == ["HOST_TIMEOUT_MS", "200", "100", "to", "250"] for line in out.splitlines())
    code, _, err = stope("bridge", "params", "--port", port, "--set", "HOST_TIMEOUT_MS=251")
    assert code == 2
    assert err.startswith("--set: read 'HOST_TIMEOUT_MS=251', expected 100 to 250")
    code, _, err = stope("bridge", "params", "--port", port, "--set", "HOST_TIMEOUT=200")
    assert (code, "did you mean 'HOST_TIMEOUT_MS'" in err) == (2, True)
    code, _, err = stope("bridge", "params", "--port", port, "--set", "HOST_TIMEOUT_MS")
    assert (code, "expected NAME=NUMBER" in err) == (2, True)


def test_saving_without_memory_is_refused_by_the_device_and_told(port: str) -> None:
    code, _, err = stope("bridge", "params", "--port", port, "--save")
    assert code == 3
    assert "the device refused PARAM_SAVE" in err


def test_estop_is_reported_and_latched_until_it_is_cleared(port: str) -> None:
    code, out, _ = stope("bridge", "estop", "--port", port)
    assert code == 0
    assert out.startswith(f"{port}: ESTOP, reported at ")
    code, out, _ = stope("bridge", "monitor", "--port", port, "--every", "0.1", "--lines", "1", "--json")
    assert json.loads(out)["state"] == "ESTOP"
    code, _, err = stope("doctor", "--port", port, "--yes")
    assert (code, "the device is ESTOP" in err) == (3, True)
    assert stope("bridge", "clear", "--port", port)[:2] == (0, f"{port}: DISARMED\n")


def test_an_estop_that_nobody_reports_is_an_error(silent: str) -> None:
    code, _, err = stope("bridge", "estop", "--port", silent)
    assert code == 3
    assert "use the switch at the robot" in err


@pytest.mark.parametrize("command", ["info", "monitor", "params", "estop", "clear", "pump"])
def test_a_port_that_is_not_there_is_one_sentence(command: str) -> None:
    code, out, err = stope("bridge", command, "--port", "/dev/no-such-port")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "/dev/no-such-port cannot be opened" in err
    assert "stope bridge list" in err


@pytest.mark.parametrize(
    ("port", "shown"),
    [("", "''"), ("/tmp", "/tmp"), ("/dev/null", "/dev/null"), ("/dev/tty\nx", "'/dev/tty\\nx'"), ("\0", "'\\x00'")],
)
def test_what_is_no_serial_port_is_one_sentence_whatever_its_name(port: str, shown: str) -> None:
    for command in (("bridge", "info"), ("bridge", "estop"), ("doctor", "--yes")):
        code, out, err = stope(*command, "--port", port)
        assert (code, out, len(err.splitlines())) == (2, "", 1), err
        assert err.startswith(f"stope: {shown} ")


def test_a_port_that_this_user_may_not_open_is_told_which_group_may(silent: str) -> None:
    if os.getuid():
        pytest.skip("only root can become somebody else")
    assert stope("bridge", "estop", "--port", silent)[0] == 3  # everything is imported that root alone may read here
    Path(silent).chmod(0)
    os.seteuid(65534)
    try:
        code, out, err = stope("bridge", "estop", "--port", silent)
    finally:
        os.seteuid(0)
    assert (code, out) == (3, "")
    assert err == f"stope: robot: {silent} may not be opened by this user: add the user to the group 'dialout'\n"


def test_a_port_that_says_nothing_is_told_with_what_to_check(silent: str) -> None:
    code, _, err = stope("bridge", "info", "--port", silent, "--baud", "115200")
    assert code == 3
    assert "speaks this protocol at 115200 baud" in err
    assert "flash-help" in err


def test_a_port_in_use_is_told(port: str) -> None:
    holder = SerialPort(port)
    code, _, err = stope("bridge", "info", "--port", port)
    holder.close()
    assert (code, "in use by another process" in err) == (3, True)


def test_another_robot_than_the_one_asked_for_is_refused(port: str) -> None:
    code, _, err = stope("bridge", "params", "--port", port, "--robot", "miner")
    assert code == 3
    assert "was built for the robot 'bench_rig', this run is for 'miner'" in err
    code, _, err = stope("bridge", "params", "--port", port, "--robot", "minor")
    assert (code, "did you mean 'miner'" in err) == (2, True)


def test_the_doctor_examines_a_joint_and_writes_what_it_saw(desk: str, tmp_path: Path) -> None:
    out_file = tmp_path / "calibration.yaml"
    code, out, err = stope("doctor", "-p", desk, "--yes", "--joint", "drill_spindle", "--out", str(out_file), "--json")
    assert code == 0, err
    assert "drill_spindle: good" in err
    told = json.loads(out)
    written = parse(out_file.read_text(), "calibration.yaml").data
    assert written["identity"] == told["identity"] == "shared library:000000000000abcd"
    (joint,) = written["joints"]
    assert (joint["joint"], joint["verdict"], joint["seen"]) == ("drill_spindle", "good", None)
    assert joint["moved"] == pytest.approx(0.05, rel=0.2)
    assert stope("bridge", "monitor", "-p", desk, "--every", "0.1", "--lines", "1")[1].count("DISARMED") == 1


def test_the_doctor_believes_the_person_at_the_terminal(desk: str, tmp_path: Path) -> None:
    """Supported: yes. Jog it: yes. Did it move so: no."""
    master, slave = os.openpty()
    os.write(master, b"y\ny\nn\n")
    out_file = tmp_path / "calibration.yaml"
    command = [*STOPE, "doctor", "--port", desk, "--joint", "drill_feed", "--out", str(out_file)]
    done = subprocess.run(command, stdin=slave, capture_output=True, text=True, check=False, timeout=60)
    for fd in (master, slave):
        os.close(fd)
    assert done.returncode == 1, done.stderr
    assert "a hand on the e-stop?" in done.stderr
    assert "not as robot.yaml says: correct `sign` there" in done.stderr
    (joint,) = parse(out_file.read_text(), "calibration.yaml").data["joints"]
    assert joint["seen"] is False


def test_the_doctor_asks_for_a_person_a_known_joint_and_a_folder(port: str, tmp_path: Path) -> None:
    code, _, err = stope("doctor", "--port", port)
    assert (code, "expected a person, or --yes" in err) == (2, True)
    code, _, err = stope("doctor", "--port", port, "--yes", "--joint", "drill_fed")
    assert (code, "did you mean 'drill_feed'" in err) == (2, True)
    code, _, err = stope("doctor", "--port", port, "--yes", "--out", str(tmp_path / "none" / "c.yaml"))
    assert (code, "a folder that exists" in err) == (2, True)
    assert not list(tmp_path.iterdir())


def test_the_pump_cuts_plugs_and_counts(port: str) -> None:
    command = [*STOPE, "bridge", "pump", "--port", port, "--flip", "1e-3", "--direction", "up", "--json"]
    pump = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert pump.stdin is not None
    assert pump.stdout is not None
    try:
        name = pump.stdout.readline().strip()
        code, out, _ = stope("bridge", "monitor", "--port", name, "--every", "1", "--lines", "1", "--json")
        assert code == 0
        assert json.loads(out)["bad"] > 0  # 600 bytes 100 times a second at 1e-3
        pump.stdin.write("cut\nplug\n")
        pump.stdin.flush()
        again = pump.stdout.readline().strip()
        assert stope("bridge", "info", "--port", again)[0] == 0
        pump.send_signal(signal.SIGTERM)  # a job in the background of a script is deaf to SIGINT
        counts = json.loads(pump.stdout.read())
        assert pump.wait(timeout=10) == 0
    finally:
        pump.kill()
        pump.wait()
        pump.stdin.close()
        pump.stdout.close()
    assert counts["up"]["flipped"] > 0
    assert counts["down"]["flipped"] == 0
    assert counts["down"]["in"] > 0


def test_unjam_asks_first_and_takes_no_fault_for_granted(port: str) -> None:
    answered = RUN.invoke(app, ["bridge", "unjam", "--port", port], input="n\n")
    assert answered.exit_code == 2
    assert "nothing was moved" in answered.stderr
    unanswered = RUN.invoke(app, ["bridge", "unjam", "--port", port], input="")
    assert unanswered.exit_code == 2
    assert "read no answer" in unanswered.stderr
    assert stope("bridge", "unjam", "--port", port, "--speed", "2.5", "--yes")[0] == 2
    assert stope("bridge", "estop", "--port", port)[0] == 0
    code, _, err = stope("bridge", "unjam", "--port", port, "--yes")
    assert (code, "ESTOP" in err) == (3, True)


def test_the_pump_ends_when_its_device_does(native_firmware: Path) -> None:
    device = subprocess.Popen([str(native_firmware)], stdout=subprocess.PIPE, text=True)
    assert device.stdout is not None
    port = device.stdout.readline().split()[1]
    command = [*STOPE, "bridge", "pump", "--port", port]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    pump = subprocess.Popen(command, text=True, **pipes)
    assert pump.stdout is not None
    pump.stdout.readline()
    device.kill()
    device.wait()
    device.stdout.close()
    _, err = pump.communicate(timeout=20)
    assert pump.returncode == 3
    assert f"{port} is gone" in err


@pytest.mark.parametrize("board", [board.value for board in Board])
def test_the_flashing_steps_name_what_the_makefile_builds(board: str) -> None:
    code, out, _ = stope("bridge", "flash-help", "--robot", "bench_rig", "--board", board)
    assert code == 0
    assert out.strip() == flash_text("bench_rig", board)
    assert f"make -C firmware_bridge/firmware {board} ROBOT=bench_rig" in out
    makefile = (Path(__file__).parents[2] / "firmware_bridge" / "firmware" / "Makefile").read_text()
    assert f"\n{board}: $(OUT)/" in makefile


def test_help_has_examples_and_loads_nothing_heavy() -> None:
    for words in (["bridge", "--help"], ["bridge", "monitor", "--help"], ["doctor", "--help"]):
        code, out, _ = stope(*words)
        assert code == 0
        assert "stope doctor" in out or "Example" in out or words == ["bridge", "--help"]
    program = (
        "import sys; from stope.cli import app\n"
        "try: app(['bridge', 'params', '--help'], prog_name='stope')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'numpy', 'serial', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
