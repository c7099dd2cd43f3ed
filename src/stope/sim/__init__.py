"""The PyBullet plant and the simulated robot. The only room that imports PyBullet and knows the truth."""
