"""What was asked and on which ground: missions, bodies, materials; typed, loaded from YAML.

`source` reads any file into a typed model and explains what is wrong with it; `missionfile`, `body` and `material` are
the models; `resolve` makes the document that travels in the log. Import from the modules: this package imports nothing.
"""
