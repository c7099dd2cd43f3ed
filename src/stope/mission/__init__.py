"""What was asked and on which ground: missions, bodies, materials; typed, loaded from YAML."""
