"""How the firmware of a robot is built and brought onto something that runs it: `stope bridge flash-help`."""

from __future__ import annotations

_BUILD = """\
The firmware is built in a clone of Stope's repository; an installed package has no sources of it.
The limits of {robot} are compiled in from sim_worlds/robots/{robot}/robot.yaml: change that file, build again,
flash again.
"""

_ON = {
    "posix": """\
Run it on this computer, where a robot on the desk moves as told:

  make -C firmware_bridge/firmware posix ROBOT={robot}
  firmware_bridge/firmware/build/{robot}/stope_fw

It prints "HOST /dev/pts/N"; that is the port:  stope bridge info --port /dev/pts/N
That robot tells no velocity while it follows positions, and the doctor finds that.
""",
    "mps2": """\
Run it on an emulated Cortex-M3 (qemu-system-arm, gcc-arm-none-eabi, libnewlib-arm-none-eabi):

  make -C firmware_bridge/firmware mps2 ROBOT={robot}
  qemu-system-arm -M mps2-an385 -kernel firmware_bridge/firmware/build/{robot}/mps2.elf \\
    -display none -monitor none -no-user-config -serial pty

It prints "char device redirected to /dev/pts/N"; that is the port. It tells 20 samples a second, not 100: each byte
costs the emulator 20 us or more. Input through `-serial pty` is looked at up to 1 s late after the port was opened.
""",
    "stm32f4": """\
NOT RUN ON A BOARD so far: the image builds and runs in an emulator. Without a lab's own drivers for its motors,
brakes and sensors (firmware_bridge/firmware/ports/stm32f4/board.h) it reports and does not arm.

  make -C firmware_bridge/firmware stm32f4 ROBOT={robot}        # gcc-arm-none-eabi, libnewlib-arm-none-eabi

Take the jumper out of the enable line and the power off the motors. Then, with an ST-Link:

  arm-none-eabi-objcopy -O binary firmware_bridge/firmware/build/{robot}/stm32f4.elf stope.bin
  st-flash --reset write stope.bin 0x08000000

Then:  stope bridge list        who answers, and where
       stope bridge info --port PORT
Before any motor gets power: docs/howto/bench_rig.md
""",
}


def flash_text(robot: str, board: str) -> str:
    """The steps for `board`: "posix", "mps2" or "stm32f4"."""
    return (_BUILD + "\n" + _ON[board]).format(robot=robot).rstrip()
