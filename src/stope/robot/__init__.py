"""The seam: Robot, Plant, Observation, Command, RobotModel and limits."""
