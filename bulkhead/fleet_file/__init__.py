"""FLEET.yaml: many apps in one file, read strictly."""
