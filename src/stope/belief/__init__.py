"""What is believed of anchors and rock, and how evidence changes it. No truth of the simulator is in here."""
