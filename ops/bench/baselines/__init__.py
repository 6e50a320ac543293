"""The two yardsticks; neither imports anything of ours."""
