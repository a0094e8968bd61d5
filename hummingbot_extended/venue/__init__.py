"""The practice venue: a faithful local Extended (issue 2 §4). Imports nothing eagerly."""
