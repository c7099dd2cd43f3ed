"""Wire protocol, serial robot and firmware twin (the firmware-bridge issue fills this room)."""
