"""What is believed of anchors and rock, and how evidence changes it."""
