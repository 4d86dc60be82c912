"""The method of 稳评: presets as data, and pure functions from what is given to a grade with its reasons."""
